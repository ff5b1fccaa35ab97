#include "light_server.hpp"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace postrider::test {

namespace {

class crowd {
  public:
    crowd(int listener, int leash, unsigned held) : listener_(listener), leash_(leash), to_hold_(held) {
        watch(listener_);
        watch(leash_);
    }

    void serve() {
        std::array<epoll_event, 512> events{};
        for (;;) {
            const int n = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i) {
                const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
                if (descriptor == leash_) {
                    return;
                }
                descriptor == listener_ ? accept() : read(descriptor);
            }
        }
    }

  private:
    struct line {
        std::string input;
        std::size_t chunk = 0; // octets of it that are still to come
    };

    void watch(int descriptor) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = descriptor;
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, descriptor, &event);
    }

    void accept() {
        for (;;) {
            const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
            if (descriptor < 0) {
                return;
            }
            const int yes = 1;
            ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            lines_.emplace(descriptor, line{});
            watch(descriptor);
            send(descriptor, "220 light.test\r\n");
        }
    }

    static void send(int descriptor, std::string_view octets) {
        if (!octets.empty()) {
            ::send(descriptor, octets.data(), octets.size(), MSG_NOSIGNAL);
        }
    }

    void read(int descriptor) {
        const ssize_t n = ::recv(descriptor, space_.data(), space_.size(), 0);
        if (n <= 0) {
            lines_.erase(descriptor);
            ::close(descriptor);
            return;
        }
        line& l = lines_[descriptor];
        l.input.append(space_.data(), static_cast<std::size_t>(n));
        std::string out;
        while (step(descriptor, l, out)) {
        }
        send(descriptor, out);
    }

    bool step(int descriptor, line& l, std::string& out) {
        if (l.chunk > 0) {
            if (l.input.size() < l.chunk) {
                return false;
            }
            l.input.erase(0, l.chunk);
            l.chunk = 0;
            settle(descriptor, out);
            return true;
        }
        const std::size_t end = l.input.find("\r\n");
        if (end == std::string::npos) {
            return false;
        }
        const std::string command = l.input.substr(0, end);
        l.input.erase(0, end + 2);
        if (command.starts_with("BDAT ")) {
            l.chunk = std::strtoul(command.c_str() + 5, nullptr, 10);
        } else if (command.starts_with("EHLO ")) {
            out +=
                "250-light.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n250 CHUNKING\r\n";
        } else {
            out += command == "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
        }
        return true;
    }

    void settle(int descriptor, std::string& out) {
        constexpr std::string_view taken = "250 2.0.0 taken\r\n";
        if (to_hold_ == 0) {
            out += taken;
            return;
        }
        send(descriptor, out);
        out.clear();
        held_.push_back(descriptor);
        if (--to_hold_ == 0) {
            for (const int one : held_) {
                send(one, taken);
            }
        }
    }

    int listener_;
    int leash_;
    unsigned to_hold_;
    int poll_ = ::epoll_create1(0);
    std::vector<int> held_;
    std::unordered_map<int, line> lines_;
    std::array<char, 65536> space_{};
};

} // namespace

light_server::light_server(unsigned held) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    std::array<int, 2> ends{};
    if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener, 4096) != 0 || ::pipe(ends.data()) != 0) {
        throw std::runtime_error("cannot listen");
    }
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    child_ = ::fork();
    if (child_ == 0) {
        ::close(ends[1]);
        crowd(listener, ends[0], held).serve();
        ::_exit(0);
    }
    ::close(ends[0]);
    ::close(listener);
    leash_ = ends[1];
}

light_server::~light_server() {
    ::close(leash_);
    ::waitpid(child_, nullptr, 0);
}

} // namespace postrider::test
