#include "resolution.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace postrider::line {

namespace {

std::vector<std::string> numeric_addresses(const addrinfo* list) {
    std::vector<std::string> found;
    for (; list != nullptr; list = list->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) == 0) {
            found.emplace_back(text.data());
        }
    }
    return found;
}

resolution::answer ask_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int rc = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (rc == 0) {
        resolution::answer found{numeric_addresses(list), errc::ok, ""};
        ::freeaddrinfo(list);
        return found;
    }
    const std::string reason = rc == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(rc);
    // The rest, EAI_AGAIN above all, may be better in a while.
    const bool final = rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_FAIL;
    return {{}, final ? errc::host_not_found : errc::connection_failed, host + ": " + reason};
}

resolution::answer ask_hook(const std::string& host, const resolution::hook& own) {
    try {
        resolution::answer found{own(host), errc::ok, ""};
        if (found.addresses.empty()) {
            found.error = errc::host_not_found;
            found.detail = host + ": not found";
        }
        return found;
    } catch (const std::exception& e) {
        return {{}, errc::connection_failed, host + ": " + e.what()};
    }
}

} // namespace

std::shared_ptr<resolution> resolution::start(std::string host, hook own) {
    const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    std::shared_ptr<resolution> self(new resolution(descriptor));
    std::thread([self, name = std::move(host), ask = std::move(own)] {
        self->finish(ask ? ask_hook(name, ask) : ask_system(name));
    }).detach();
    return self;
}

resolution::~resolution() {
    ::close(descriptor_);
}

void resolution::finish(answer found) {
    {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(found);
    }
    ::eventfd_write(descriptor_, 1);
}

std::optional<resolution::answer> resolution::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answer_, std::nullopt);
}

} // namespace postrider::line
