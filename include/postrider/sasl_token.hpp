// sasl_token.hpp - mechanisms that show an OAuth 2.0 access token instead of a password: OAUTHBEARER (RFC
// 7628) and XOAUTH2, its forerunner. Where the token comes from is the caller's affair.
#pragma once

#include "postrider/features.hpp"
#include "postrider/sasl.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#if POSTRIDER_OAUTH

namespace postrider {

/// Whether the text can be a bearer token (RFC 6750 2.1). What cannot is never sent: the responses are
/// divided by control characters.
bool is_bearer_token(std::string_view token) noexcept;

/// AUTH OAUTHBEARER (RFC 7628). Texts are lent. `host` and `port` (in digits) may be empty.
class oauthbearer_mechanism final : public mechanism {
  public:
    constexpr oauthbearer_mechanism(std::string_view user, std::string_view token, std::string_view host = {},
                                    std::string_view port = {}) noexcept
        : user_(user), token_(token), host_(host), port_(port) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view challenge) noexcept override;
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return step_ == step::shown; }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    enum class step : std::uint8_t { unusable, shown, refused };

    std::string_view user_;
    std::string_view token_;
    std::string_view host_;
    std::string_view port_;
    step step_ = step::unusable;
};

/// AUTH XOAUTH2, as Google and Microsoft have it. Texts are lent.
class xoauth2_mechanism final : public mechanism {
  public:
    constexpr xoauth2_mechanism(std::string_view user, std::string_view token) noexcept
        : user_(user), token_(token) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view challenge) noexcept override;
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return step_ == step::shown; }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    enum class step : std::uint8_t { unusable, shown, refused };

    std::string_view user_;
    std::string_view token_;
    step step_ = step::unusable;
};

} // namespace postrider

#endif
