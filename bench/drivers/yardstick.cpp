// yardstick - what a client could reach at best. Bare writes and reads of the same sizes, against the same
// sink (fast_sink --echo REQUEST:REPLY):
//
//     yardstick HOST PORT COUNT FILE MODE REQUEST=N REPLY=N [sessions=N]
//         ping   one write, one read, COUNT times
//         crowd  the same over `sessions` connections at once
//         write  N octets in large writes from memory, one read
//         file   the same, read from FILE block by block
//
// Or the whole dialogue of one message and connection, the commands written in advance and the replies not
// looked at, against a sink that speaks SMTP:
//
//     yardstick HOST PORT COUNT FILE dialogue [tls=implicit ca=FILE]
#include "driver.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t block_size = std::size_t{96} * 1024; // the fastest here, and ours

int connect_to(const bench::task& t) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(t.port);
    inet_pton(AF_INET, t.host.c_str(), &where.sin_addr);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) {
        throw std::system_error(errno, std::generic_category(), "connect");
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void write_all(int fd, const char* octets, std::size_t size) {
    while (size != 0) {
        const ssize_t done = ::write(fd, octets, size);
        if (done <= 0) {
            throw std::system_error(errno, std::generic_category(), "write");
        }
        octets += done;
        size -= static_cast<std::size_t>(done);
    }
}

void read_all(int fd, std::vector<char>& into, std::size_t size) {
    while (size != 0) {
        const ssize_t done = ::read(fd, into.data(), std::min(size, into.size()));
        if (done <= 0) {
            throw std::system_error(errno, std::generic_category(), "read");
        }
        size -= static_cast<std::size_t>(done);
    }
}

void write_request(const bench::task& t, int fd, std::vector<char>& block, std::size_t size) {
    const int file = t.mode == "file" ? ::open(t.file.c_str(), O_RDONLY | O_CLOEXEC) : -1;
    while (size != 0) {
        std::size_t part = std::min(size, block.size());
        if (file >= 0) {
            const ssize_t got = ::read(file, block.data(), part);
            part = got > 0 ? static_cast<std::size_t>(got) : part;
        }
        write_all(fd, block.data(), part);
        size -= part;
    }
    if (file >= 0) {
        ::close(file);
    }
}

void alone(const bench::task& t) {
    const std::size_t request = t.number("REQUEST", 0);
    const std::size_t reply = t.number("REPLY", 0);
    std::vector<char> block(std::min(std::max(request, reply), block_size), 'x');
    bench::stopwatch watch;
    const int fd = connect_to(t);
    for (std::size_t i = 0; i < t.count; ++i) {
        write_request(t, fd, block, request);
        read_all(fd, block, reply);
    }
    watch.stop();
    ::close(fd);
    watch.print(t.count);
}

// Every connection has a request under way until there are no more; replies are small and come in one piece.
void crowd(const bench::task& t) {
    const std::vector<char> request(t.number("REQUEST", 0), 'x');
    std::vector<char> reply(t.number("REPLY", 0));
    std::vector<int> sessions(t.number("sessions", 1000));
    std::size_t asked = 0;
    std::size_t answered = 0;
    bench::stopwatch watch;
    const int all = ::epoll_create1(EPOLL_CLOEXEC);
    for (int& fd : sessions) {
        fd = connect_to(t);
        epoll_event event{EPOLLIN | EPOLLET, {}};
        event.data.fd = fd;
        ::epoll_ctl(all, EPOLL_CTL_ADD, fd, &event);
        write_all(fd, request.data(), request.size());
        ++asked;
    }
    std::array<epoll_event, 128> events;
    while (answered < t.count) {
        const int ready = ::epoll_wait(all, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            read_all(fd, reply, reply.size());
            ++answered;
            if (asked < t.count) {
                write_all(fd, request.data(), request.size());
                ++asked;
            }
        }
    }
    watch.stop();
    for (const int fd : sessions) {
        ::close(fd);
    }
    ::close(all);
    watch.print(t.count);
}

// --- the dialogue ---

struct ssl_free {
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
    void operator()(SSL* s) const { SSL_free(s); }
    void operator()(SSL_SESSION* s) const { SSL_SESSION_free(s); }
};
std::unique_ptr<SSL_SESSION, ssl_free> last_session;

int keep_session(SSL*, SSL_SESSION* session) {
    last_session.reset(session);
    return 1;
}

std::unique_ptr<SSL_CTX, ssl_free> tls_for(const bench::task& t) {
    if (t.tls() == "none") {
        return nullptr;
    }
    std::unique_ptr<SSL_CTX, ssl_free> context(SSL_CTX_new(TLS_client_method()));
    if (SSL_CTX_load_verify_file(context.get(), t.key("ca").c_str()) != 1) {
        throw std::runtime_error("cannot use the CA " + t.key("ca"));
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    // In Postrider's order.
    SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), keep_session);
    return context;
}

class bare_line {
  public:
    bare_line(const bench::task& t, SSL_CTX* context) : fd_(connect_to(t)) {
        if (context == nullptr) {
            return;
        }
        tls_.reset(SSL_new(context));
        SSL_set_fd(tls_.get(), fd_);
        if (last_session) {
            SSL_set_session(tls_.get(), last_session.get());
        }
        if (SSL_connect(tls_.get()) != 1) {
            throw std::runtime_error("no TLS");
        }
    }
    bare_line(const bare_line&) = delete;
    bare_line& operator=(const bare_line&) = delete;
    ~bare_line() {
        if (tls_) {
            SSL_shutdown(tls_.get());
        }
        ::close(fd_);
    }
    void say(const std::string& octets) {
        if (!tls_) {
            write_all(fd_, octets.data(), octets.size());
        } else if (SSL_write(tls_.get(), octets.data(), static_cast<int>(octets.size())) <= 0) {
            throw std::runtime_error("cannot write");
        }
    }
    /// One read is one turn of the sink.
    void hear() {
        const auto size = static_cast<int>(block_.size());
        const auto got =
            tls_ ? SSL_read(tls_.get(), block_.data(), size) : ::read(fd_, block_.data(), block_.size());
        if (got <= 0 || block_[0] != '2') {
            throw std::runtime_error("not a reply that was hoped for");
        }
    }

  private:
    int fd_;
    std::unique_ptr<SSL, ssl_free> tls_;
    std::array<char, 4096> block_;
};

void dialogue(const bench::task& t) {
    const auto context = tls_for(t);
    const std::string text = t.text();
    const std::string mail = "MAIL FROM:<" + std::string(bench::from) + ">\r\nRCPT TO:<" + bench::to +
                             ">\r\nBDAT " + std::to_string(text.size()) + " LAST\r\n" + text + "QUIT\r\n";
    bench::stopwatch watch;
    for (std::size_t i = 0; i < t.count; ++i) {
        bare_line line(t, context.get());
        line.hear();
        line.say("EHLO localhost\r\n");
        line.hear();
        line.say(mail);
        line.hear();
    }
    watch.stop();
    watch.print(t.count);
}

void run(const bench::task& t) {
    if (t.mode == "dialogue") {
        dialogue(t);
    } else if (t.mode == "crowd") {
        crowd(t);
    } else {
        alone(t);
    }
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
