#include "progress_bar.hpp"

#include "show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace postrider::cli {
namespace {

constexpr std::chrono::milliseconds between_frames{100};
constexpr std::uint64_t width = 30;

} // namespace

progress_bar::progress_bar(std::string_view when)
    : patience_(when == "always" ? std::chrono::milliseconds(0) : std::chrono::milliseconds(1000)),
      wanted_(when == "always" || (when == "auto" && isatty(STDERR_FILENO) != 0)) {}

bool progress_bar::due(bool ended) {
    const auto moment = clock::now();
    if (!wanted_ || moment - begun_ < patience_ || (moment - drawn_ < between_frames && !ended)) {
        return false;
    }
    drawn_ = moment;
    visible_ = true;
    return true;
}

void progress_bar::show(std::uint64_t done, std::uint64_t total, std::uint64_t failed, std::uint64_t before) {
    if (!due(done >= total)) {
        return;
    }
    const std::uint64_t shown = std::max<std::uint64_t>(std::min(done, total), 1);
    const auto all = std::max<std::uint64_t>(total, 1);
    const double seconds = std::max(0.001, std::chrono::duration<double>(drawn_ - begun_).count());
    const double rate = static_cast<double>(done - before) / seconds;
    const auto filled = static_cast<std::size_t>(shown * width / all);
    const double to_do = static_cast<double>(all - std::min(done, all));
    const auto left =
        std::chrono::round<std::chrono::seconds>(std::chrono::duration<double>(rate > 0 ? to_do / rate : 0));
    fmt::print(stderr, "\r\033[K[{}{}] {} of {}, {:3} %, {:.0f}/s, {} left{}", std::string(filled, '#'),
               std::string(width - filled, '.'), done, total, done * 100 / all, rate, readable_span(left),
               failed == 0 ? std::string() : fmt::format(", {} failed", failed));
    std::fflush(stderr);
}

void progress_bar::show(const progress& now) {
    const bool ended = now.total > 0 && now.handed >= now.total;
    if (!due(ended)) {
        return;
    }
    const std::string_view where = name(now.at);
    if (now.total == 0) {
        fmt::print(stderr, "\r\033[K{} ...", where);
        return;
    }
    // Dots that were added on the way may carry it past the total.
    const std::uint64_t handed = std::min(now.handed, now.total);
    const auto filled = static_cast<std::size_t>(static_cast<double>(handed) * static_cast<double>(width) /
                                                 static_cast<double>(now.total));
    const double seconds = std::max(0.001, std::chrono::duration<double>(drawn_ - begun_).count());
    fmt::print(stderr, "\r\033[K[{}{}] {:3} % of {}, {}/s{}", std::string(filled, '#'),
               std::string(width - filled, '.'), handed * 100 / now.total, readable_size(now.total),
               readable_size(static_cast<std::uint64_t>(static_cast<double>(handed) / seconds)),
               ended ? ", waiting for the server's reply" : "");
    std::fflush(stderr);
}

void progress_bar::finish() {
    if (visible_) {
        std::fputs("\r\033[K", stderr);
        visible_ = false;
    }
}

} // namespace postrider::cli
