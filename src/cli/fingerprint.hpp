// fingerprint.hpp - tells messages apart by what they are, for the journal: SHA-256, cut to 128 bits.
#pragma once

#include "postrider/content.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postrider::cli {

/// Names one message of a run.
struct message_key {
    std::array<unsigned char, 16> octets{};

    bool operator==(const message_key&) const = default;
    /// 32 hex digits, and back.
    std::string text() const;
    static std::optional<message_key> parse(std::string_view text);
};

struct message_key_hash {
    using is_avalanching = void; // the octets are those of a hash
    std::size_t operator()(const message_key& key) const noexcept {
        std::size_t out = 0;
        std::memcpy(&out, key.octets.data(), sizeof out);
        return out;
    }
};

/// 32 hex digits from the system's random source. Throws command_error (internal).
std::string random_text();

/// SHA-256 over parts, each with its length in front, so that no two lists of parts look alike.
class fingerprint {
  public:
    fingerprint();
    ~fingerprint();
    fingerprint(const fingerprint&) = delete;
    fingerprint& operator=(const fingerprint&) = delete;

    fingerprint& add(std::string_view part);
    fingerprint& add(std::uint64_t number);
    /// All octets. Throws command_error (data) when they cannot be read.
    fingerprint& add_content(const content& octets);
    /// Ends it.
    message_key key();

  private:
    void feed(const void* octets, std::size_t size);

    struct state;
    std::unique_ptr<state> state_;
};

} // namespace postrider::cli
