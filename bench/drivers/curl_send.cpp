// libcurl as a driver (see driver.hpp): the easy interface for one connection, the multi interface, on epoll,
// for many.
#include "driver.hpp"

#include <array>
#include <cstring>
#include <curl/curl.h>
#include <memory>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace {

// One message on its way.
struct upload {
    std::string_view text;
    std::size_t at = 0;
};

std::size_t read_upload(char* into, std::size_t size, std::size_t count, void* from) {
    auto& u = *static_cast<upload*>(from);
    const std::size_t part = u.text.copy(into, size * count, u.at);
    u.at += part;
    return part;
}

std::size_t drop(char*, std::size_t size, std::size_t count, void*) {
    return size * count;
}

void check(CURLcode code) {
    if (code != CURLE_OK) {
        throw std::runtime_error(curl_easy_strerror(code));
    }
}

struct free_easy {
    void operator()(CURL* c) const noexcept { curl_easy_cleanup(c); }
};
struct free_list {
    void operator()(curl_slist* l) const noexcept { curl_slist_free_all(l); }
};

class sender {
  public:
    sender(const bench::task& t, std::string_view text)
        : easy_(curl_easy_init()),
          recipients_(curl_slist_append(nullptr, "<bob@example.net>")), upload_{text} {
        const std::string url = (t.tls() == "implicit" ? "smtps://" : "smtp://") + t.host + ":" +
                                std::to_string(t.port) + "/localhost";
        CURL* c = easy_.get();
        curl_easy_setopt(c, CURLOPT_URL, url.c_str());
        curl_easy_setopt(c, CURLOPT_MAIL_FROM, "<alice@example.org>");
        curl_easy_setopt(c, CURLOPT_MAIL_RCPT, recipients_.get());
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, read_upload);
        curl_easy_setopt(c, CURLOPT_READDATA, &upload_);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
        curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
        curl_easy_setopt(c, CURLOPT_PRIVATE, this);
        if (text.size() > 65536) {
            curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 524288L);
        }
        if (t.tls() == "starttls") {
            curl_easy_setopt(c, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
        }
        if (!t.key("ca").empty()) {
            curl_easy_setopt(c, CURLOPT_CAINFO, t.key("ca").c_str());
        }
        if (t.mode == "reconnect") {
            curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
        }
    }

    CURL* handle() const noexcept { return easy_.get(); }
    void rewind() noexcept { upload_.at = 0; }

  private:
    std::unique_ptr<CURL, free_easy> easy_;
    std::unique_ptr<curl_slist, free_list> recipients_;
    upload upload_;
};

void one_by_one(const bench::task& t, const std::string& text) {
    bench::stopwatch watch;
    sender s(t, text);
    for (std::size_t i = 0; i < t.count; ++i) {
        s.rewind();
        check(curl_easy_perform(s.handle()));
    }
    watch.stop();
    watch.print(t.count);
}

// The multi interface as its documentation has it for many connections: told of sockets by epoll.
class crowd {
  public:
    crowd(const bench::task& t, const std::string& text)
        : left_(t.count), multi_(curl_multi_init()), set_(epoll_create1(EPOLL_CLOEXEC)) {
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, watch);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        const std::size_t sessions = t.number("sessions", 1000);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(sessions));
        for (std::size_t i = 0; i < sessions; ++i) {
            senders_.push_back(std::make_unique<sender>(t, text));
        }
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    ~crowd() {
        senders_.clear();
        curl_multi_cleanup(multi_);
        ::close(set_);
    }

    void run() {
        for (const auto& s : senders_) {
            begin(*s);
        }
        std::array<epoll_event, 512> events;
        int running = 1;
        while (under_way_ != 0) {
            const int count = epoll_wait(set_, events.data(), static_cast<int>(events.size()), timeout_);
            if (count == 0) {
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            for (int i = 0; i < count; ++i) {
                const epoll_event& e = events[static_cast<std::size_t>(i)];
                const int what = ((e.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 ? CURL_CSELECT_IN : 0) |
                                 ((e.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
                curl_multi_socket_action(multi_, e.data.fd, what, &running);
            }
            take_finished();
        }
    }

  private:
    void begin(sender& s) {
        if (left_ == 0) {
            return;
        }
        --left_;
        ++under_way_;
        s.rewind();
        curl_multi_add_handle(multi_, s.handle());
    }

    void take_finished() {
        int more = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &more)) {
            CURL* easy = message->easy_handle;
            check(message->data.result);
            sender* s = nullptr;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s);
            curl_multi_remove_handle(multi_, easy);
            --under_way_;
            begin(*s);
        }
    }

    static int watch(CURL*, curl_socket_t fd, int what, void* self, void* known) {
        auto& c = *static_cast<crowd*>(self);
        epoll_event event{};
        event.events =
            ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
        event.data.fd = fd;
        if (what == CURL_POLL_REMOVE) {
            epoll_ctl(c.set_, EPOLL_CTL_DEL, fd, nullptr);
        } else {
            epoll_ctl(c.set_, known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
            curl_multi_assign(c.multi_, fd, &c);
        }
        return 0;
    }

    static int set_timer(CURLM*, long milliseconds, void* self) {
        static_cast<crowd*>(self)->timeout_ = static_cast<int>(milliseconds);
        return 0;
    }

    std::size_t left_;
    std::size_t under_way_ = 0;
    CURLM* multi_;
    int set_;
    int timeout_ = 0;
    std::vector<std::unique_ptr<sender>> senders_;
};

void run(const bench::task& t) {
    curl_global_init(CURL_GLOBAL_ALL);
    const std::string text = t.text();
    if (t.mode != "many") {
        one_by_one(t, text);
        return;
    }
    bench::stopwatch watch;
    crowd c(t, text);
    c.run();
    watch.stop();
    watch.print(t.count);
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
