// content_encoder.hpp - content in canonical form, as slices (RFC 5321 2.3.8, 4.1.1.4, 4.5.2).
//
// The caller's octets are never copied: a slice refers to the lent chunk or to a few static octets that are
// put in between ("\r\n" for a bare CR or LF, "." for transparency). State is kept across chunks, so that the
// result does not depend on how the content was cut. A canonical content either is empty or ends in CRLF.
#pragma once

#include "postrider/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postrider {

class content_encoder {
  public:
    enum class framing : std::uint8_t {
        dots,    ///< DATA: line endings made CRLF, lines that start with a dot get another
        counted, ///< BDAT: line endings made CRLF
        binary,  ///< BDAT with BODY=BINARYMIME: octets as they are
    };

    constexpr content_encoder() noexcept = default;
    constexpr explicit content_encoder(framing f) noexcept : framing_(f) {}

    /// The next chunk; the one before must be used up. It must stay valid until its slices are written.
    void lend(std::string_view chunk, bool last) noexcept {
        rest_ = chunk;
        last_ = last;
        looked_ = 0;
    }

    /// The next slice; empty when the chunk is used up, or on an error.
    std::string_view next() noexcept;

    /// content_has_nul once a NUL was met (never with `binary`): nothing from there on is given out.
    errc error() const noexcept { return error_; }

    /// How many octets the lent chunk will give, without using it up; content_has_nul as next() would find
    /// it. What it has seen is not looked at again by next() where nothing had to be mended.
    result<std::size_t> measure() noexcept;

  private:
    std::size_t run() const noexcept;
    std::string_view finish() noexcept;

    std::string_view rest_;
    std::size_t looked_ = 0; // what run() will say; 0: nobody has looked
    framing framing_ = framing::dots;
    errc error_ = errc::ok;
    bool last_ = false;
    bool held_cr_ = false; // previous_ is a CR that was not given out yet
    bool given_ = false;   // what is due before the rest was given out
    char previous_ = '\n'; // the octet in front of rest_; a line starts at the beginning
};

} // namespace postrider
