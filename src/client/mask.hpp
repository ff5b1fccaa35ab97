// mask.hpp - hides credentials in text that a server wrote: one that repeats them must not bring them into a
// log.
#pragma once

#include "postrider/client.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace postrider::line {

class mask {
  public:
    static constexpr std::string_view shown = "********";

    /// Hides nothing without credentials.
    explicit mask(const std::optional<credentials>& hidden);
    mask(const mask&) = delete;
    mask& operator=(const mask&) = delete;
    ~mask();

    /// The text with each form of the password, and of the response to AUTH PLAIN, replaced: as it is, in
    /// base64, in hex.
    std::string over(std::string text) const;
    /// There is nothing to hide.
    bool is_empty() const noexcept { return forms_.empty(); }

  private:
    void add(std::string form);

    std::vector<std::string> forms_;
};

} // namespace postrider::line
