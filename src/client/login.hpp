// login.hpp - which SASL mechanisms the credentials allow, in which order, and the hashes for them by
// OpenSSL.
#pragma once

#include "postrider/client.hpp"
#include "postrider/sasl.hpp"
#include "postrider/sasl_challenge.hpp"
#include "postrider/sasl_token.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace postrider::line {

/// Owns the mechanisms of one client. Not movable: the session refers to them.
class login {
  public:
    login() = default;
    login(const login&) = delete;
    login& operator=(const login&) = delete;

    /// Sets up what `options.credentials` ask for; lent for this object's life. Returns what is wrong with
    /// them, empty when nothing is.
    std::string set_up(const client_options& options);

    /// In the order in which they are to be tried.
    std::span<mechanism* const> mechanisms() const noexcept { return chosen_; }

  private:
    void choose(const client_options& options);

    std::string port_;
    std::optional<plain_mechanism> plain_;
    std::optional<login_mechanism> login_;
    std::optional<cram_md5_mechanism> cram_md5_;
    std::optional<scram_sha_256_mechanism> scram_sha_256_;
    std::optional<oauthbearer_mechanism> oauthbearer_;
    std::optional<xoauth2_mechanism> xoauth2_;
    std::vector<mechanism*> chosen_;
};

} // namespace postrider::line
