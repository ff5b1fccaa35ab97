#include "interruption.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace postrider::cli {

interruption::interruption(std::function<void()> stop, const char* saying)
    : stop_(std::move(stop)), saying_(saying) {
    sigemptyset(&signals_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        // Whoever started us ignoring a signal (nohup, a background job of a script) means it.
        struct sigaction current {};
        if (sigaction(number, nullptr, &current) == 0 && current.sa_handler != SIG_IGN) {
            sigaddset(&signals_, number);
        }
    }
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    signal_file_ = signalfd(-1, &signals_, SFD_CLOEXEC);
    end_file_ = eventfd(0, EFD_CLOEXEC);
    if (signal_file_ < 0 || end_file_ < 0) {
        throw std::system_error(errno, std::generic_category(), "no descriptor to watch for signals");
    }
    watcher_ = std::thread([this] { watch(); });
}

interruption::~interruption() {
    const std::uint64_t one = 1;
    if (write(end_file_, &one, sizeof one) == sizeof one) {
        watcher_.join();
    } else {
        watcher_.detach();
    }
    close(signal_file_);
    close(end_file_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void interruption::watch() {
    std::array<pollfd, 2> both{pollfd{signal_file_, POLLIN, 0}, pollfd{end_file_, POLLIN, 0}};
    for (bool first = true;; first = false) {
        while (poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
        }
        signalfd_siginfo what{};
        if (both[1].revents != 0 || read(signal_file_, &what, sizeof what) != sizeof what) {
            return;
        }
        if (!first) {
            _exit(128 + static_cast<int>(what.ssi_signo));
        }
        std::fprintf(stderr, "\npostrider: interrupted, %s\n", saying_);
        stop_();
    }
}

} // namespace postrider::cli
