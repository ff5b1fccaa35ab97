// utf8.hpp - is a run of octets UTF-8 (RFC 3629)? Incremental, so that a text never has to stand in memory.
#pragma once

#include <span>

namespace postrider {

/// Rejects overlong forms, surrogates and what lies beyond U+10FFFF, octet by octet.
class utf8_check {
  public:
    constexpr void feed(std::span<const char> octets) noexcept {
        for (const char c : octets) {
            step(static_cast<unsigned char>(c));
        }
    }
    /// Everything fed so far is a whole number of characters.
    constexpr bool valid() const noexcept { return valid_ && missing_ == 0; }

  private:
    constexpr void step(unsigned char c) noexcept {
        if (missing_ != 0) {
            valid_ = valid_ && c >= low_ && c <= high_;
            low_ = 0x80;
            high_ = 0xBF;
            --missing_;
            return;
        }
        if (c >= 0x80) {
            lead(c);
        }
    }
    // The second octet's range depends on the first: that is where overlong forms and surrogates hide (RFC
    // 3629 4).
    constexpr void lead(unsigned char c) noexcept {
        valid_ = valid_ && c >= 0xC2 && c <= 0xF4;
        missing_ = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        low_ = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
        high_ = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    }

    int missing_ = 0;
    unsigned char low_ = 0x80;
    unsigned char high_ = 0xBF;
    bool valid_ = true;
};

} // namespace postrider
