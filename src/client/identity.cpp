#include "identity.hpp"

#include "certificate.hpp"
#include "host_name.hpp"
#include "openssl_ptr.hpp"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <sys/stat.h>
#include <type_traits>

namespace postrider::line {

namespace {

using hash_key = std::array<unsigned char, 32>;

const hash_key& key_of_the_process() {
    static const hash_key key = [] {
        hash_key drawn{};
        if (RAND_bytes(drawn.data(), static_cast<int>(drawn.size())) != 1) {
            throw std::runtime_error("no random octets: " + take_openssl_error());
        }
        return drawn;
    }();
    return key;
}

class hash {
  public:
    hash() {
        const std::unique_ptr<EVP_MAC, freed_by<EVP_MAC_free>> hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
        context_.reset(EVP_MAC_CTX_new(hmac.get()));
        std::string digest = "SHA256";
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
                                         OSSL_PARAM_construct_end()};
        const hash_key& key = key_of_the_process();
        check(context_ && EVP_MAC_init(context_.get(), key.data(), key.size(), parameters) == 1);
    }

    void add(std::string_view octets) {
        add(octets.size());
        update(octets.data(), octets.size());
    }
    template <class Number>
    requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
    void add(Number n) {
        const auto octets = static_cast<std::uint64_t>(n);
        update(&octets, sizeof octets);
    }

    std::string result() {
        std::string octets(32, '\0');
        std::size_t size = 0;
        check(EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(octets.data()), &size,
                            octets.size()) == 1);
        return octets;
    }

  private:
    void update(const void* octets, std::size_t size) {
        check(EVP_MAC_update(context_.get(), static_cast<const unsigned char*>(octets), size) == 1);
    }
    // An identity that is not one must never be compared.
    static void check(bool good) {
        if (!good) {
            throw std::runtime_error("HMAC-SHA-256 failed: " + take_openssl_error());
        }
    }

    std::unique_ptr<EVP_MAC_CTX, freed_by<EVP_MAC_CTX_free>> context_;
};

// The file by its name and its state: a certificate that was replaced is another one.
void add_file(hash& h, const std::string& path) {
    struct stat s {};
    const bool there = !path.empty() && ::stat(path.c_str(), &s) == 0;
    h.add(path);
    h.add(there);
    if (there) {
        h.add(s.st_dev);
        h.add(s.st_ino);
        h.add(s.st_size);
        h.add(s.st_mtim.tv_sec);
        h.add(s.st_mtim.tv_nsec);
    }
}

// As OpenSSL looks for it.
std::string of_the_system(const char* variable, const char* standard) {
    const char* const chosen = ::secure_getenv(variable);
    return chosen != nullptr ? chosen : standard;
}

std::string spelled(const std::string& host) {
    const result<host_name> parsed = parse_host(host);
    return parsed ? parsed->text : host;
}

void add_server(hash& h, const client_options& o) {
    h.add(o.server.protocol);
    h.add(o.server.tls);
    h.add(site_of(o.server));
    h.add(spelled(o.server.host));
    h.add(o.client_name);
    h.add(o.source_address);
}

void add_tls(hash& h, const tls_options& o) {
    h.add(spelled(o.name));
    for (const std::string& path : {o.ca_file, o.ca_path, o.crl_file, o.client_cert, o.client_key}) {
        add_file(h, path);
    }
    h.add(o.fingerprints.size());
    for (const std::string& f : o.fingerprints) {
        const std::string normalised = normalised_fingerprint(f);
        h.add(normalised.empty() ? f : normalised);
    }
    h.add(o.verify);
}

void add_credentials(hash& h, const client_options& o) {
    h.add(o.credentials.has_value());
    if (o.credentials) {
        h.add(o.credentials->user);
        h.add(o.credentials->password.reveal());
        h.add(o.credentials->mechanism);
        h.add(o.credentials->authorization_id);
    }
    h.add(o.allow_auth_in_clear);
    h.add(o.try_unlisted_mechanism);
}

void add_identity(hash& h, const client_options& o) {
    add_server(h, o);
    add_tls(h, o.tls);
    add_credentials(h, o);
}

void add_conduct(hash& h, const client_options& o) {
    const timeouts& t = o.timeouts;
    for (const std::uint32_t limit :
         {t.greeting, t.command, t.data_start, t.data_block, t.data_done, t.quit, t.transaction}) {
        h.add(limit);
    }
    h.add(o.connect_timeout.count());
    h.add(o.connect_stagger.count());
    for (const bool flag :
         {o.initial_response, o.use_pipelining, o.use_chunking, o.await_quit_reply, o.fast_open}) {
        h.add(flag);
    }
    h.add(o.window);
    h.add(o.window_octets);
}

} // namespace

std::string identity_of(const client_options& options) {
    hash h;
    add_identity(h, options);
    return h.result();
}

std::string destination_of(const client_options& options) {
    hash h;
    add_identity(h, options);
    add_conduct(h, options);
    return h.result();
}

bool trusts_the_system(const tls_options& options) {
    return options.ca_file.empty() && options.ca_path.empty() && options.fingerprints.empty();
}

std::string trust_of(const tls_options& options) {
    hash h;
    for (const std::string& path : {options.ca_file, options.ca_path, options.crl_file}) {
        add_file(h, path);
    }
    h.add(trusts_the_system(options));
    if (trusts_the_system(options)) {
        add_file(h, of_the_system(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
        add_file(h, of_the_system(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
    }
    return h.result();
}

bool has_functions(const client_options& options) {
    return options.address_filter || options.resolver || options.transcript;
}

std::string site_of(const server& s) {
    const std::uint16_t port = s.port == 0 ? default_port(s) : s.port;
    return s.unix_path.empty() ? spelled(s.host) + ":" + std::to_string(port) : "unix:" + s.unix_path;
}

} // namespace postrider::line
