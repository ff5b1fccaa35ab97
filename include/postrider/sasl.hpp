// sasl.hpp - SASL mechanisms (RFC 4422) as the engine uses them in AUTH (RFC 4954).
//
// A mechanism hands out its response as a few parts that the engine encodes to base64 while it writes, so
// that no credential is ever copied into a buffer of the library.
#pragma once

#include "postrider/errc.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postrider {

/// The mechanisms there are: here, in sasl_challenge.hpp and in sasl_token.hpp.
inline constexpr std::array<std::string_view, 6> sasl_mechanisms{"PLAIN",         "LOGIN",       "CRAM-MD5",
                                                                 "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"};

/// One SASL mechanism with its credentials. Lent to the session for its life; used by one session at a time.
class mechanism {
  public:
    /// The name as the server lists it, upper case.
    virtual std::string_view name() const noexcept = 0;

    /// Starts an exchange anew. True when there is an initial response (parts are ready), false when the
    /// mechanism waits for a challenge.
    virtual bool start() noexcept = 0;

    /// Takes a decoded challenge and prepares the response. Errors (auth_challenge and others) cancel the
    /// exchange.
    virtual errc respond(std::string_view challenge) noexcept = 0;

    /// The same for a challenge that is not base64: an error for all but LOGIN, whose prompts say nothing.
    virtual errc respond_to_unreadable() noexcept { return errc::auth_challenge; }

    /// The response is the concatenation of part(0), part(1) ...; data() == nullptr ends it.
    virtual std::string_view part(unsigned index) const noexcept = 0;

    /// Whether the server's 235 may come now. A mechanism that verifies the server says false until it has.
    virtual bool may_finish() const noexcept = 0;

    /// Whether the credentials could be read off the line: then it is used only under verified TLS.
    virtual bool needs_secure_line() const noexcept = 0;

  protected:
    constexpr mechanism() noexcept = default;
    mechanism(const mechanism&) = default;
    mechanism& operator=(const mechanism&) = default;
    ~mechanism() = default; // never deleted through the base
};

/// AUTH PLAIN (RFC 4616). The texts are lent.
class plain_mechanism final : public mechanism {
  public:
    constexpr plain_mechanism(std::string_view user, std::string_view password,
                              std::string_view authorization_id = {}) noexcept
        : authorization_id_(authorization_id), user_(user), password_(password) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view challenge) noexcept override;
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return answered_; }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    std::string_view authorization_id_;
    std::string_view user_;
    std::string_view password_;
    bool answered_ = false;
};

/// AUTH LOGIN (draft-murchison-sasl-login): two prompts, `Username:` and `Password:` in any order; prompts in
/// other words, or not even in base64, are answered in that order. Never more than two. The texts are lent.
class login_mechanism final : public mechanism {
  public:
    constexpr login_mechanism(std::string_view user, std::string_view password) noexcept
        : user_(user), password_(password) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view challenge) noexcept override;
    errc respond_to_unreadable() noexcept override { return respond({}); }
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return user_sent_ && password_sent_; }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    std::string_view user_;
    std::string_view password_;
    bool user_sent_ = false;
    bool password_sent_ = false;
    bool answer_password_ = false;
};

/// Strict base64 (RFC 4648 4) in place: decodes `size` characters at `text`; returns the decoded size, or -1
/// when they are not base64.
std::ptrdiff_t base64_decode_in_place(char* text, std::size_t size) noexcept;

/// Encodes up to three octets into four characters.
void base64_encode_group(const char* octets, unsigned count, char* four) noexcept;

} // namespace postrider
