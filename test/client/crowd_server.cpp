#include "crowd_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postrider::test {

crowd_server::crowd_server(script s) : script_(std::move(s)) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 1024) != 0) {
        throw std::runtime_error("cannot listen");
    }
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept(); });
}

crowd_server::~crowd_server() {
    ::eventfd_write(stop_, 1);
    thread_.join();
    for (one& c : all_) {
        ::shutdown(c.copy, SHUT_RDWR);
        c.thread.join();
        ::close(c.copy);
    }
    ::close(listener_);
    ::close(stop_);
}

void crowd_server::accept() {
    for (unsigned n = 0;; ++n) {
        pollfd wait[2] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
        ::poll(wait, 2, -1);
        if (wait[1].revents != 0) {
            return;
        }
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int yes = 1; // replies of one group go out one by one: none may wait for the ACK of another
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        const std::lock_guard lock(mutex_);
        most_ = std::max(most_, count_open() + 1);
        one& c = all_.emplace_back();
        c.copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
        c.thread = std::thread([this, descriptor, n] { serve(descriptor, n); });
    }
}

unsigned crowd_server::count_open() const {
    return static_cast<unsigned>(std::count_if(all_.begin(), all_.end(), [](const one& c) {
        pollfd closed{c.copy, POLLRDHUP, 0};
        return !c.over && ::poll(&closed, 1, 0) == 0;
    }));
}

void crowd_server::serve(int descriptor, unsigned n) {
    sigset_t pipe{};
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    peer client(descriptor);
    std::string trouble;
    try {
        script_(client, n);
    } catch (const std::exception& e) {
        trouble = e.what();
    }
    const std::lock_guard lock(mutex_);
    trouble_ = trouble_.empty() ? trouble : trouble_;
    const auto mine = std::find_if(all_.begin(), all_.end(), [](const one& c) {
        return c.thread.get_id() == std::this_thread::get_id();
    });
    mine->over = true;
    ::shutdown(mine->copy, SHUT_RDWR); // the copy would keep it open
}

unsigned crowd_server::connections() const {
    const std::lock_guard lock(mutex_);
    return static_cast<unsigned>(all_.size());
}

unsigned crowd_server::open() const {
    const std::lock_guard lock(mutex_);
    return count_open();
}

unsigned crowd_server::most_at_once() const {
    const std::lock_guard lock(mutex_);
    return most_;
}

std::string crowd_server::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

// --- the clerk ---

void clerk::operator()(peer& p, unsigned n) {
    std::string greeting = own_ ? own_(n, "") : "";
    p.send(greeting.empty() ? "220 server.test ready\r\n" : greeting);
    if (greeting.empty() || greeting.starts_with("220")) {
        dialogue(p, n);
    }
}

void clerk::dialogue(peer& p, unsigned n) {
    std::string recipient;
    for (std::string command = p.line(); !command.empty(); command = p.line()) {
        if (command.starts_with("BDAT ")) {
            p.read(std::stoul(command.substr(5)));
        }
        if (command.starts_with("RCPT TO:<")) {
            recipient = command.substr(9, command.find('>') - 9);
        }
        const std::string reply = reply_to(n, command);
        if (reply == "cut") {
            return;
        }
        const bool end = command.starts_with("BDAT ") && reply.starts_with("250");
        if (end) {
            const std::lock_guard lock(mutex_);
            taken_.push_back({n, recipient, crowd_server::clock::now()});
        }
        p.send(reply);
        if (reply.starts_with("221") || reply.starts_with("421")) {
            return;
        }
    }
}

std::string clerk::reply_to(unsigned n, const std::string& command) {
    std::string own = own_ ? own_(n, command) : "";
    if (!own.empty()) {
        return own;
    }
    if (command.starts_with("EHLO")) {
        std::string reply = "250-server.test\r\n";
        for (std::size_t i = 0; i < keywords_.size(); ++i) {
            reply += (i + 1 == keywords_.size() ? "250 " : "250-") + keywords_[i] + "\r\n";
        }
        return reply;
    }
    if (command == "QUIT") {
        const std::lock_guard lock(mutex_);
        ++farewells_;
        return "221 2.0.0 bye\r\n";
    }
    return command.starts_with("AUTH") ? "235 2.7.0 welcome\r\n" : "250 2.0.0 ok\r\n";
}

std::vector<clerk::taken> clerk::all() const {
    const std::lock_guard lock(mutex_);
    return taken_;
}

std::size_t clerk::count() const {
    const std::lock_guard lock(mutex_);
    return taken_.size();
}

unsigned clerk::farewells() const {
    const std::lock_guard lock(mutex_);
    return farewells_;
}

} // namespace postrider::test
