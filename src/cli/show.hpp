// show.hpp - text for people. Everything that a server, a file or an argument said is foreign: control
// characters would drive the terminal, bidirectional ones show an address as another.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postrider::cli {

/// One line: C0, C1, DEL, bidirectional and invisible characters and octets that are no UTF-8 are written as
/// \xNN or \u{NNNN}.
std::string printable(std::string_view foreign);

/// The same, but a line feed stays one, and each further line begins with `indent`.
std::string printable_lines(std::string_view foreign, std::string_view indent);

/// The text cut at its line feeds, at least one line.
std::vector<std::string> lines_of(std::string_view text);

/// "712 octets", "25.0 MB".
std::string readable_size(std::uint64_t octets);

/// "0.4 ms", "120 ms", "2.5 s".
std::string readable_time(std::chrono::microseconds span);

/// "42 s", "3:05 min", "2:10 h".
std::string readable_span(std::chrono::seconds span);

/// "2026-11-24".
std::string date_text(std::chrono::system_clock::time_point when);

/// RFC 3339, in UTC.
std::string timestamp(std::chrono::system_clock::time_point when);

} // namespace postrider::cli
