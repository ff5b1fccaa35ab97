#include "login.hpp"

#include "openssl_ptr.hpp"
#include "postrider/capabilities.hpp"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>

namespace postrider::line {

namespace {

using mac_ptr = std::unique_ptr<EVP_MAC, freed_by<EVP_MAC_free>>;
using mac_run_ptr = std::unique_ptr<EVP_MAC_CTX, freed_by<EVP_MAC_CTX_free>>;

// The context is the hash's name.
bool hmac(void* context, std::string_view key, const text_parts& message, unsigned char* mac) noexcept {
    const mac_ptr method(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    const mac_run_ptr run(method ? EVP_MAC_CTX_new(method.get()) : nullptr);
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string("digest", static_cast<char*>(context), 0),
        OSSL_PARAM_construct_end()};
    bool done = run && EVP_MAC_init(run.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                                    parameters.data()) == 1;
    for (unsigned i = 0; done; ++i) {
        const std::string_view part = message.at(message.of, i);
        if (part.data() == nullptr) {
            break;
        }
        done =
            EVP_MAC_update(run.get(), reinterpret_cast<const unsigned char*>(part.data()), part.size()) == 1;
    }
    std::size_t size = 0;
    return done && EVP_MAC_final(run.get(), mac, &size, EVP_MAX_MD_SIZE) == 1;
}

bool sha256(void*, std::string_view text, unsigned char* digest) noexcept {
    return EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) == 1;
}

bool pbkdf2(void*, std::string_view password, std::string_view salt, std::uint32_t iterations,
            unsigned char* key) noexcept {
    return PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                             reinterpret_cast<const unsigned char*>(salt.data()),
                             static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(), 32,
                             key) == 1;
}

bool fill(void*, unsigned char* to, std::size_t size) noexcept {
    return RAND_bytes(to, static_cast<int>(size)) == 1;
}

// OpenSSL takes the name by a pointer to non-const, and only reads it.
void* named(const char* digest) noexcept {
    return const_cast<char*>(digest);
}

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_token_mechanism(std::string_view name) {
    return equal_ignoring_case(name, "OAUTHBEARER") || equal_ignoring_case(name, "XOAUTH2");
}

} // namespace

std::string login::set_up(const client_options& options) {
    const credentials& c = *options.credentials;
    const std::string_view password = c.password.reveal();
    if (has_nul(c.user) || has_nul(c.authorization_id) || has_nul(password)) {
        return "user names and passwords cannot hold a NUL (RFC 4616 2)";
    }
    if (is_token_mechanism(c.mechanism) && !is_bearer_token(password)) {
        return c.mechanism + " shows an access token (RFC 6750 2.1), and the password given is none";
    }
    port_ = std::to_string(options.server.port == 0 ? default_port(options.server) : options.server.port);
    plain_.emplace(c.user, password, c.authorization_id);
    login_.emplace(c.user, password);
    cram_md5_.emplace(c.user, password, hash_port{named("MD5"), hmac, nullptr, nullptr});
    scram_sha_256_.emplace(c.user, password, hash_port{named("SHA256"), hmac, sha256, pbkdf2},
                           random_port{nullptr, fill});
    oauthbearer_.emplace(c.user, password, options.server.host, port_);
    xoauth2_.emplace(c.user, password);
    choose(options);
    if (!chosen_.empty()) {
        return {};
    }
    std::string why =
        "no such mechanism, or none that carries an authorization id: " + c.mechanism + "; there are";
    for (const std::string_view name : sasl_mechanisms) {
        why.append(" ").append(name);
    }
    return why;
}

// Within TLS the plain ones first: they work wherever the server can check a password at all, while many list
// the others for users whose passwords they hold in another form. Where credentials may go in clear, those
// that keep the password at home come first. Without SASLprep (RFC 4013) SCRAM is safe to pick for ASCII
// only.
void login::choose(const client_options& options) {
    const credentials& c = *options.credentials;
    std::vector<mechanism*> all;
    const bool ascii = is_printable_ascii(c.user) && is_printable_ascii(c.password.reveal());
    const std::vector<mechanism*> plain{&*plain_, &*login_};
    std::vector<mechanism*> keeping{&*scram_sha_256_, &*cram_md5_};
    if (c.mechanism.empty() && !ascii) {
        keeping.erase(keeping.begin());
    }
    const auto& first = options.allow_auth_in_clear ? keeping : plain;
    const auto& second = options.allow_auth_in_clear ? plain : keeping;
    all.insert(all.end(), first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    if (!c.mechanism.empty()) { // a token is no password: these are never picked by themselves
        all.insert(all.end(), {&*oauthbearer_, &*xoauth2_});
    }
    for (mechanism* m : all) {
        // The others cannot carry an authorization id, and leaving it out would be acting as somebody else.
        const bool carries = c.authorization_id.empty() || m == &*plain_;
        if (carries && (c.mechanism.empty() || equal_ignoring_case(c.mechanism, m->name()))) {
            chosen_.push_back(m);
        }
    }
}

} // namespace postrider::line
