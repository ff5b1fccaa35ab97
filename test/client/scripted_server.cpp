#include "scripted_server.hpp"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace postrider::test {

namespace {

constexpr int patience = 10'000; // milliseconds

[[noreturn]] void give_up(const std::string& what) {
    throw std::runtime_error(what);
}

} // namespace

peer::peer(int descriptor) : descriptor_(descriptor) {
    const timeval limit{patience / 1000, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

peer::~peer() {
    cut();
}

bool peer::fill() {
    std::array<char, 65536> octets{};
    if (tls_ != nullptr) {
        const int n = SSL_read(tls_, octets.data(), octets.size());
        if (n > 0) {
            secure_.append(octets.data(), static_cast<std::size_t>(n));
            buffer_.append(octets.data(), static_cast<std::size_t>(n));
        }
        return n > 0;
    }
    const ssize_t n = ::recv(descriptor_, octets.data(), octets.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        give_up("the client said nothing for ten seconds");
    }
    if (n > 0) {
        clear_.append(octets.data(), static_cast<std::size_t>(n));
        buffer_.append(octets.data(), static_cast<std::size_t>(n));
    }
    return n > 0;
}

std::string peer::line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!fill()) {
            return "";
        }
    }
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return text;
}

std::string peer::until(std::string_view prefix) {
    for (;;) {
        std::string text = line();
        if (text.starts_with(prefix)) {
            return text;
        }
        if (text.empty() && buffer_.empty()) {
            give_up("the client left before " + std::string(prefix));
        }
    }
}

void peer::send(std::string_view octets) {
    while (!octets.empty()) {
        const auto n =
            tls_ != nullptr
                ? static_cast<ssize_t>(SSL_write(tls_, octets.data(), static_cast<int>(octets.size())))
                : ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (n <= 0) {
            return; // the client is gone: what it did before is what counts
        }
        octets.remove_prefix(static_cast<std::size_t>(n));
    }
}

bool peer::has_more() {
    pollfd wait{descriptor_, POLLIN, 0};
    char octet = 0;
    return !buffer_.empty() ||
           (::poll(&wait, 1, 0) > 0 && ::recv(descriptor_, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
}

std::size_t peer::waiting(std::string_view verb) {
    for (pollfd wait{descriptor_, POLLIN, 0}; tls_ == nullptr && ::poll(&wait, 1, 0) > 0 && fill();) {
    }
    std::size_t count = 0;
    for (std::size_t at = buffer_.find(verb); at != std::string::npos; at = buffer_.find(verb, at + 1)) {
        count += at == 0 || buffer_[at - 1] == '\n' ? 1 : 0;
    }
    return count;
}

void peer::small_buffers() {
    const int least = 32'768; // with much less, loopback would crawl
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
}

void peer::drain() {
    while (fill()) {
    }
}

void peer::stall() {
    pollfd wait{descriptor_, POLLRDHUP, 0};
    if (::poll(&wait, 1, patience) == 0) {
        give_up("the client waited for ten seconds");
    }
}

bool peer::start_tls(SSL_CTX* context) {
    tls_ = SSL_new(context);
    SSL_set_fd(tls_, descriptor_);
    buffer_.clear();
    if (SSL_accept(tls_) == 1) {
        return true;
    }
    SSL_free(tls_);
    tls_ = nullptr;
    return false;
}

void peer::close() {
    if (tls_ != nullptr) {
        SSL_shutdown(tls_);
    }
    cut();
}

void peer::cut() {
    if (tls_ != nullptr) {
        SSL_free(tls_);
        tls_ = nullptr;
    }
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        descriptor_ = -1;
    }
}

void peer::reset() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    cut();
}

void peer::answer_ehlo(const std::vector<std::string>& keywords) {
    const std::string hello = line();
    if (!hello.starts_with("EHLO ") && !hello.starts_with("LHLO ")) {
        give_up("expected EHLO, not: " + hello);
    }
    std::string reply = keywords.empty() ? "250 server.test\r\n" : "250-server.test\r\n";
    for (std::size_t i = 0; i < keywords.size(); ++i) {
        reply += (i + 1 == keywords.size() ? "250 " : "250-") + keywords[i] + "\r\n";
    }
    send(reply);
}

void peer::greet(const std::vector<std::string>& keywords) {
    send("220 server.test ready\r\n");
    answer_ehlo(keywords);
}

std::string peer::take(std::size_t size) {
    while (buffer_.size() < size) {
        if (!fill()) {
            give_up("the client left in the middle of a chunk");
        }
    }
    std::string octets = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return octets;
}

std::string peer::take_message() {
    std::string message;
    for (;;) {
        const std::string command = line();
        if (command.starts_with("BDAT ")) {
            message += take(std::stoul(command.substr(5)));
            send("250 2.0.0 chunk taken\r\n");
            if (command.ends_with(" LAST")) {
                return message;
            }
        } else if (command == "DATA") {
            send("354 go on\r\n");
            for (std::string text = line(); text != "."; text = line()) {
                message += text + "\r\n";
            }
            send("250 2.0.0 taken\r\n");
            return message;
        } else if (command.empty()) {
            give_up("the client left before its message");
        } else {
            send("250 2.1.0 ok\r\n");
        }
    }
}

// --- the server ---

scripted_server::scripted_server(std::vector<script> scripts, int family, const std::string& path)
    : scripts_(std::move(scripts)) {
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_in);
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (family == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
        size = sizeof(sockaddr_in6);
    } else {
        std::strncpy(reinterpret_cast<sockaddr_un&>(address).sun_path, path.c_str(),
                     sizeof(sockaddr_un::sun_path) - 1);
        size = sizeof(sockaddr_un);
    }
    listener_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0) {
        give_up(std::string("cannot listen: ") + std::strerror(errno));
    }
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port); // at the same place in sockaddr_in6
    thread_ = std::thread([this] { serve(); });
}

scripted_server::~scripted_server() {
    ::eventfd_write(stop_, 1);
    thread_.join();
    ::close(listener_);
    ::close(stop_);
}

void scripted_server::serve() {
    // OpenSSL writes without MSG_NOSIGNAL. Blocked on this thread only: were the client to raise it, the test
    // would die.
    sigset_t pipe{};
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (std::size_t n = 0;; ++n) {
        pollfd wait[2] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
        ::poll(wait, 2, -1);
        if (wait[1].revents != 0) {
            return;
        }
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        {
            const std::lock_guard lock(mutex_);
            ++connections_;
        }
        peer client(descriptor);
        try {
            scripts_[std::min(n, scripts_.size() - 1)](client);
        } catch (const std::exception& e) {
            const std::lock_guard lock(mutex_);
            trouble_ = trouble_.empty() ? e.what() : trouble_;
        }
    }
}

unsigned scripted_server::connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}

std::string scripted_server::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

server_context make_context(const std::string& chain, const std::string& key, int security_level, int minimum,
                            int maximum) {
    server_context context(SSL_CTX_new(TLS_server_method()));
    if (security_level >= 0) {
        SSL_CTX_set_security_level(context.get(), security_level);
        SSL_CTX_set_cipher_list(context.get(), ("ALL:@SECLEVEL=" + std::to_string(security_level)).c_str());
    }
    SSL_CTX_set_min_proto_version(context.get(), minimum);
    SSL_CTX_set_max_proto_version(context.get(), maximum);
    if (SSL_CTX_use_certificate_chain_file(context.get(), chain.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
        give_up("cannot use the certificate " + chain);
    }
    return context;
}

} // namespace postrider::test
