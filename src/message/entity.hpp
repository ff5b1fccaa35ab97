// entity.hpp - MIME entities (RFC 2045): a tree of parts, how each is encoded, and how it is written.
//
// The tree is laid out first, with nothing but references to the contents; then boundaries are drawn that no
// part holds; then it is written in one go, block by block. Memory does not grow with the attachments.
#pragma once

#include "postrider/content.hpp"
#include "random.hpp"
#include "spool.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postrider {

/// RFC 2045 6.1, from the narrowest to the widest for those that encode nothing.
enum class transfer_encoding : std::uint8_t { seven_bit, eight_bit, binary, quoted_printable, base64 };

/// A leaf with its octets, or a multipart with its parts.
struct entity {
    /// Header fields without MIME-Version and the transfer encoding, each with its CRLF; without Content-Type
    /// for a multipart, whose boundary is not drawn yet.
    std::string fields;
    transfer_encoding encoding = transfer_encoding::seven_bit;

    content octets;
    /// The octets are text: line ends become CRLF (RFC 2046 4.1.1).
    bool is_text = false;

    /// `alternative`, `related` or `mixed`; empty for a leaf.
    std::string_view subtype;
    std::vector<entity> parts;
    std::string boundary;
};

/// A multipart around the parts, labelled with the widest of their encodings (RFC 2045 6.4).
entity multipart_of(std::string_view subtype, std::vector<entity> parts);

/// The encoding a text needs; `has_8bit` and `longest_line` of `traits` decide.
result<transfer_encoding> text_encoding(const content& text, const content_traits& traits, bool eight_bit);

/// Every octet is part of valid UTF-8.
result<bool> is_utf8(const content& text);

/// Draws the boundaries of all multiparts: 128 bits each, all different, and none of them anywhere in a part
/// that is not base64. Errors: content_unreadable, bad_message when the random source fails or repeats
/// itself.
errc draw_boundaries(entity& root, const random_source& random);

/// Writes fields, empty line and body. Error: content_unreadable.
errc write_entity(const entity& what, spool& into);

} // namespace postrider
