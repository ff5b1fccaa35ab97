// Base64 for bodies: lines of 76 characters that end in CRLF (RFC 2045 6.8), as fast as memory allows.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace postrider {

/// Encodes octets that come piece by piece. The result does not depend on how they are cut.
class base64_lines {
  public:
    /// What is complete: whole lines. Valid until the next call.
    std::string_view feed(std::string_view octets);
    /// The last line, padded; then the encoder is as new. Valid until the next call.
    std::string_view finish();

    /// The ways to encode whole lines, for feed() to choose from: each returns how many it did from the
    /// front. The vector ones leave the last line, because they write beyond the end of each.
    static std::size_t by_table(const char* octets, std::size_t lines, char* to);
    static std::size_t by_avx2(const char* octets, std::size_t lines, char* to);
    static std::size_t by_vbmi(const char* octets, std::size_t lines, char* to);
    static bool has_avx2();
    static bool has_vbmi();

  private:
    char* space_for(std::size_t lines);

    static constexpr std::size_t line_octets = 57;

    std::array<char, line_octets> rest_{}; // of a line that is not full yet
    std::size_t held_ = 0;
    std::vector<char> lines_; // only grows
};

} // namespace postrider
