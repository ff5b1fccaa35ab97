// capabilities.hpp - what the server said it can do: the keywords of its EHLO reply (RFC 5321 4.1.1.1).
#pragma once

#include "postrider/features.hpp"

#include <cstdint>
#include <string_view>

namespace postrider {

/// The keywords the engine knows, as bits.
enum class keyword : std::uint16_t {
    none = 0,
    pipelining = 1U << 0U,            ///< RFC 2920
    size = 1U << 1U,                  ///< RFC 1870
    eight_bit_mime = 1U << 2U,        ///< RFC 6152
    smtputf8 = 1U << 3U,              ///< RFC 6531
    enhanced_status_codes = 1U << 4U, ///< RFC 2034
    dsn = 1U << 5U,                   ///< RFC 3461
    chunking = 1U << 6U,              ///< RFC 3030
    binary_mime = 1U << 7U,           ///< RFC 3030
    starttls = 1U << 8U,              ///< RFC 3207
    auth = 1U << 9U,                  ///< RFC 4954
    vrfy = 1U << 10U,                 ///< RFC 5321
    expn = 1U << 11U,                 ///< RFC 5321
    help = 1U << 12U,                 ///< RFC 5321
    etrn = 1U << 13U,                 ///< RFC 1985
    mt_priority = 1U << 14U,          ///< RFC 6710
};

/// The keywords of one EHLO reply. Unknown keywords are ignored; of a keyword that comes twice the last one
/// holds.
class capabilities {
  public:
    constexpr bool has(keyword k) const noexcept { return (bits_ & static_cast<std::uint16_t>(k)) != 0; }

    /// The server's limit for one message in octets; 0 means none was given (RFC 1870 4).
    constexpr std::uint64_t size_limit() const noexcept { return size_limit_; }

    /// Which of the session's SASL mechanisms the server listed: bit i stands for the i-th of session_config.
    constexpr std::uint8_t mechanisms() const noexcept { return mechanisms_; }

    /// Takes one line of the EHLO reply, without its code. Returns the keyword found, none when unknown.
    keyword learn(std::string_view line) noexcept;

    constexpr void add(keyword k) noexcept {
        bits_ = static_cast<std::uint16_t>(bits_ | static_cast<std::uint16_t>(k));
    }
    constexpr void add_mechanism(unsigned index) noexcept {
        mechanisms_ = static_cast<std::uint8_t>(mechanisms_ | (1U << index));
    }
    constexpr void drop_mechanisms() noexcept { mechanisms_ = 0; }

  private:
    std::uint64_t size_limit_ = 0;
    std::uint16_t bits_ = 0;
    std::uint8_t mechanisms_ = 0;
};

/// ASCII case folding only; never depends on a locale.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Takes the next word (up to a space, or also up to '=' when `equals_ends`) off the front of `text`.
std::string_view next_word(std::string_view& text, bool equals_ends = false) noexcept;

} // namespace postrider
