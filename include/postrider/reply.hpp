// reply.hpp - what the server said (RFC 5321 4.2), read from bytes however they were cut.
//
// Everything in a reply is foreign: the text is bounded, kept raw and must be escaped before it is shown.
// Leniency, all of it: a line may end in a bare LF, and the text may be missing together with its space
// ("250" CRLF, RFC 5321 4.2 asks clients to take it). Nothing else is forgiven.
#pragma once

#include "postrider/errc.hpp"
#include "postrider/features.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace postrider {

/// RFC 3463 `class.subject.detail`; class_digit 0 means the server sent none.
struct enhanced_status {
    std::uint8_t class_digit = 0;
    std::uint16_t subject = 0;
    std::uint16_t detail = 0;

    constexpr explicit operator bool() const noexcept { return class_digit != 0; }
    friend constexpr bool operator==(const enhanced_status&, const enhanced_status&) = default;
};

/// Reads `2.1.5` at the start of a reply's text; nothing when it is absent, malformed or of another class
/// than `first_digit` (RFC 2034 4).
enhanced_status parse_enhanced_status(std::string_view text, unsigned first_digit) noexcept;

/// One whole reply. `text` holds the lines after their codes, joined with '\n', cut to the space lent to the
/// session; it is valid until the session is given more bytes.
struct reply {
    std::uint16_t code = 0; ///< 200 to 559, or 0 for none
    enhanced_status enhanced;
    std::string_view text;
    bool truncated = false; ///< the server sent more text than there was space

    constexpr unsigned first_digit() const noexcept { return code / 100U; }
    constexpr bool positive() const noexcept { return first_digit() == 2; }
    constexpr bool transient() const noexcept { return first_digit() == 4; }
    constexpr bool permanent() const noexcept { return first_digit() == 5; }
};

/// The incremental reader. It never grows: a line may have 2,048 octets, a reply 65,536, and the text kept of
/// it is cut to the lent space.
class reply_reader {
  public:
    static constexpr std::size_t max_line = 2048;
    static constexpr std::size_t max_reply = 65536;

    /// What `feed` found before it stopped.
    enum class event : std::uint8_t {
        more,     ///< all bytes used, the reply goes on
        line,     ///< a continuation line ended; line() holds it
        complete, ///< the last line ended; code(), text() and line() hold the reply
        failed,   ///< error() says why; the reader takes nothing more
    };

    /// `space` keeps the text and must outlive the reader; 64 octets or more are sensible.
    constexpr explicit reply_reader(std::span<char> space) noexcept
        : space_(space.data()),
          capacity_(static_cast<std::uint16_t>(space.size() < 0xFFFF ? space.size() : 0xFFFF)) {}

    /// Takes bytes off the front of `bytes` up to the next event. After `complete` the next byte starts a new
    /// reply.
    event feed(std::string_view& bytes) noexcept;

    std::uint16_t code() const noexcept { return code_; }
    /// All text kept so far, lines joined with '\n'.
    std::string_view text() const noexcept { return {space_, size_}; }
    /// The same, for decoding a SASL challenge where it lies.
    char* text_in_place() noexcept { return space_; }
    /// The text kept of the line that ended last.
    std::string_view line() const noexcept {
        return {space_ + line_start_, std::size_t(size_ - line_start_)};
    }
    bool truncated() const noexcept { return truncated_; }
    errc error() const noexcept { return error_; }
    /// True when no byte of a next reply has been read.
    bool at_start() const noexcept { return column_ == 0 && first_line_; }
    /// Forgets the text of the lines read so far, so that the next line has the whole space.
    void drop_text() noexcept {
        size_ = line_start_ = 0;
        truncated_ = false;
    }
    /// Back to the state after construction.
    void reset() noexcept;

  private:
    [[gnu::cold]] event take(char c) noexcept;
    event end_of_line() noexcept;
    [[gnu::cold]] event fail(errc e) noexcept;
    [[gnu::cold]] bool take_code(char c) noexcept;
    bool take_line(std::string_view& bytes) noexcept;
    [[gnu::cold]] bool take_text(std::string_view& bytes) noexcept;
    void begin_reply() noexcept;
    [[gnu::cold]] void keep(char c) noexcept;

    char* space_;
    std::uint16_t capacity_;
    std::uint16_t size_ = 0;
    std::uint16_t line_start_ = 0;
    std::uint16_t code_ = 0;
    std::uint16_t line_code_ = 0;
    std::uint16_t column_ = 0; // octets of the line so far; its end is not counted
    std::uint32_t octets_ = 0; // of the reply so far
    errc error_ = errc::ok;
    bool first_line_ = true;
    bool last_line_ = false;
    bool carriage_return_ = false;
    bool truncated_ = false;
};

} // namespace postrider
