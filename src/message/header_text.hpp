// header_text.hpp - writes header fields (RFC 5322) whose text may be anything (RFC 2047, RFC 2231).
//
// A text is either written as it is or encoded as a whole. Mixing both, as GMime does, leaves gaps a reader
// notices: ASCII that only looks like an encoded word would be decoded, runs of blanks between encoded words
// would vanish, and a word without a blank could not be folded. Encoded as a whole, every line stays within
// 76 octets (RFC 2047 2) and none is ever blank.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postrider {

/// Pieces that must not be broken; between two of them a line may be.
using header_tokens = std::vector<std::string>;

/// What keeps the text out of a header field; empty when nothing does. Completes "the Subject ...".
std::string header_objection(std::string_view text);

/// RFC 5322 3.2.3.
bool is_atext(char c) noexcept;

/// Some readers would decode this, wherever it stands.
bool looks_encoded(std::string_view text) noexcept;

/// RFC 5322 3.6.8, and short enough to leave room for a value.
bool is_field_name(std::string_view name);

/// RFC 2045 5.1.
bool is_mime_token(std::string_view text);

/// Unstructured text. `column` is where its first token will stand: room is left for what is in front of it.
header_tokens text_tokens(std::string_view text, std::size_t column);

/// A display name.
header_tokens phrase_tokens(std::string_view text, std::size_t column);

/// Where the first token of the field stands.
constexpr std::size_t first_column(std::string_view name) noexcept {
    return name.size() + 2;
}

/// `name=value`, as one token or as the sections of RFC 2231 3; without semicolons.
header_tokens parameter_tokens(std::string_view name, std::string_view value);

/// Appends the field, folded before column 77 wherever the tokens allow, with its CRLF.
void append_field(std::string& out, std::string_view name, const header_tokens& tokens);

} // namespace postrider
