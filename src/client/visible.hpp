// visible.hpp - foreign text made safe for a terminal, a log and an eye.
#pragma once

#include <string>
#include <string_view>

namespace postrider::line {

/// Printable characters stay. Controls, octets that are no UTF-8, invisible and direction-changing characters
/// and the backslash become `\xNN` or `\u{NNNN}`.
std::string visible(std::string_view foreign);

} // namespace postrider::line
