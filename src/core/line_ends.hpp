// One question makes content canonical (RFC 5321 2.3.8, 4.5.2): what must stand between two neighbouring
// octets that does not?
#pragma once

#include <cstddef>
#include <string_view>

namespace postrider {

/// The octet in front of a content: a line starts there.
inline constexpr char before_content = '\n';

/// The rest of a line ending after a bare CR or before a bare LF, and with `dots` the dot of transparency at
/// the start of a line. Static storage.
const char* due_between(char previous, char next, bool dots) noexcept;

/// The first i in [from, s.size()) where something is due between s[i - 1] and s[i], or s[i] is a NUL;
/// s.size() when there is none. `from` is 1 at least.
std::size_t find_due(std::string_view s, std::size_t from, bool dots) noexcept;

} // namespace postrider
