// show.hpp - a message for a person, and for a program.
//
// Everything a client sent is foreign: control characters would drive the terminal, bidirectional controls
// would show an address as another. Neither reaches the output raw.
#pragma once

#include "sink/sink.hpp"

#include <string>
#include <string_view>

namespace postrider::sink {

/// C0, DEL and C1 controls, bidirectional and invisible characters and octets that are no UTF-8 become \xNN
/// or \u{NNNN}; the rest passes. LF is escaped like any other control.
std::string printable(std::string_view foreign);

/// Several lines: how it came, envelope, notes, header and the first `body_lines` lines of the body.
std::string human(const received& mail, std::size_t body_lines = 10);

/// One line of ASCII JSON without line end: envelope, protocol, sizes, file, notes, subject. Not the content.
std::string json_line(const received& mail);

} // namespace postrider::sink
