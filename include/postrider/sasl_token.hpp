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

/// What both mechanisms hold: the token is shown once, and a challenge tells why it was refused.
class shown_token {
  public:
    constexpr shown_token(std::string_view user, std::string_view token) noexcept
        : user_(user), token_(token) {}

    std::string_view user() const noexcept { return user_; }
    std::string_view token() const noexcept { return token_; }
    bool is_shown() const noexcept { return step_ == step::shown; }
    bool is_refused() const noexcept { return step_ == step::refused; }

    /// Shows it if user and token can be shown, and what goes with them can.
    bool show(bool rest_is_usable) noexcept;
    /// A challenge came: the refusal itself comes behind the answer (RFC 7628 3.2.3).
    errc refuse() noexcept;

  private:
    enum class step : std::uint8_t { unusable, shown, refused };

    std::string_view user_;
    std::string_view token_;
    step step_ = step::unusable;
};

/// AUTH OAUTHBEARER (RFC 7628). Texts are lent. `host` and `port` (in digits) may be empty.
class oauthbearer_mechanism final : public mechanism {
  public:
    constexpr oauthbearer_mechanism(std::string_view user, std::string_view token, std::string_view host = {},
                                    std::string_view port = {}) noexcept
        : shown_(user, token), host_(host), port_(port) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view) noexcept override { return shown_.refuse(); }
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return shown_.is_shown(); }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    shown_token shown_;
    std::string_view host_;
    std::string_view port_;
};

/// AUTH XOAUTH2, as Google and Microsoft have it. Texts are lent.
class xoauth2_mechanism final : public mechanism {
  public:
    constexpr xoauth2_mechanism(std::string_view user, std::string_view token) noexcept
        : shown_(user, token) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override { return shown_.show(true); }
    errc respond(std::string_view) noexcept override { return shown_.refuse(); }
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return shown_.is_shown(); }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    shown_token shown_;
};

} // namespace postrider

#endif
