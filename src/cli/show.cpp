#include "show.hpp"

#include "sink/show.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace postrider::cli {

std::string printable(std::string_view foreign) {
    return sink::printable(foreign);
}

std::string printable_lines(std::string_view foreign, std::string_view indent) {
    std::string out;
    for (bool first = true; first || !foreign.empty(); first = false) {
        const auto end = foreign.find('\n');
        out.append(first ? "" : "\n").append(first ? "" : indent).append(printable(foreign.substr(0, end)));
        foreign.remove_prefix(end == std::string_view::npos ? foreign.size() : end + 1);
    }
    return out;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    lines.emplace_back(text);
    return lines;
}

std::string readable_size(std::uint64_t octets) {
    if (octets < 10'000) {
        return fmt::format("{} octets", octets);
    }
    if (octets < 1'000'000) {
        return fmt::format("{:.1f} kB", static_cast<double>(octets) / 1e3);
    }
    return fmt::format("{:.1f} MB", static_cast<double>(octets) / 1e6);
}

std::string readable_time(std::chrono::microseconds span) {
    const auto count = static_cast<double>(span.count());
    if (count < 10'000) {
        return fmt::format("{:.1f} ms", count / 1e3);
    }
    return count < 1'000'000 ? fmt::format("{:.0f} ms", count / 1e3) : fmt::format("{:.1f} s", count / 1e6);
}

std::string readable_span(std::chrono::seconds span) {
    const auto count = span.count();
    if (count < 60) {
        return fmt::format("{} s", count);
    }
    return count < 3600 ? fmt::format("{}:{:02} min", count / 60, count % 60)
                        : fmt::format("{}:{:02} h", count / 3600, count / 60 % 60);
}

std::string date_text(std::chrono::system_clock::time_point when) {
    return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(when)));
}

std::string timestamp(std::chrono::system_clock::time_point when) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(when)));
}

} // namespace postrider::cli
