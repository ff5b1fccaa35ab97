#include "tls.hpp"

#include "certificate.hpp"
#include "known_sessions.hpp"
#include "spare.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace postrider::line {

namespace {

constexpr std::size_t record_size = 16384; // RFC 8446 5.1
constexpr std::size_t input_size =
    2 * record_size;              // a record with its overhead, and the beginning of the next
constexpr int security_level = 2; // 112 bit: no SHA-1, no RSA below 2048

// A key with a pass phrase must not make a library ask on the terminal.
int no_pass_phrase(char*, int, int, void*) {
    return 0;
}

std::shared_ptr<const certificate_info> described(const X509* certificate) {
    return certificate != nullptr ? std::make_shared<const certificate_info>(describe(*certificate))
                                  : nullptr;
}

// Of this thread, so that what SSL_get_error() looks at is of the next call. Going through the queue for
// nothing is not cheap.
void forget_errors() {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

// Of the cipher suites of TLS 1.3 that the system allows those with AES-128 first, as browsers have them: as
// strong as the key exchange (X25519), and their SHA-256 makes the key schedule half as long, at both ends.
void prefer_short_key_schedule(SSL_CTX& context) {
    std::string first;
    std::string rest;
    const STACK_OF(SSL_CIPHER)* const all = SSL_CTX_get_ciphers(&context);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
        const SSL_CIPHER* const suite = sk_SSL_CIPHER_value(all, i);
        if (std::string_view(SSL_CIPHER_get_version(suite)) == "TLSv1.3") {
            std::string& part = SSL_CIPHER_get_bits(suite, nullptr) == 128 ? first : rest;
            part.append(part.empty() ? "" : ":").append(SSL_CIPHER_get_name(suite));
        }
    }
    first.append(first.empty() || rest.empty() ? "" : ":").append(rest);
    SSL_CTX_set_ciphersuites(&context, first.c_str());
}

} // namespace

struct tls_channel::ciphertext {
    std::array<char, input_size> octets;
};

// --- settings ---

std::unique_ptr<tls_context> tls_context::create(const tls_options& options, const host_name& name,
                                                 std::string key, bool must_verify, std::string& why) {
    std::unique_ptr<tls_context> self(new tls_context);
    ERR_clear_error();
    self->context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!self->context_) {
        why = "TLS cannot be set up: " + take_openssl_error();
        return nullptr;
    }
    self->name_ = name;
    self->key_ = std::move(key);
    self->verify_ = options.verify;
    self->must_verify_ = must_verify && options.verify;
    for (const std::string& text : options.fingerprints) {
        self->fingerprints_.push_back(normalised_fingerprint(text));
        if (self->fingerprints_.back().empty()) {
            why = "not a SHA-256 fingerprint (64 hex digits): " + text;
            return nullptr;
        }
    }
    if (options.verify && name.text.empty() && options.fingerprints.empty()) {
        why = "no name to look for in the server's certificate: give a host or a TLS name";
        return nullptr;
    }
    self->set_rules();
    return self->load_trust(options, why) && self->load_identity(options, why) ? std::move(self) : nullptr;
}

void tls_context::set_rules() {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_security_level(context, security_level);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    prefer_short_key_schedule(*context);
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    SSL_CTX_set_tlsext_status_type(context, TLSEXT_STATUSTYPE_ocsp);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, tls_channel::on_new_session);
    SSL_CTX_set_verify(context, must_verify_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, tls_channel::on_verify);

    X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_auth_level(rules, security_level);
    X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
    // RFC 9525: the SAN alone counts, and a wildcard is the whole left-most label.
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (name_.is_address) {
        X509_VERIFY_PARAM_set1_ip_asc(rules, name_.text.c_str());
    } else if (!name_.text.empty()) {
        X509_VERIFY_PARAM_set1_host(rules, name_.text.c_str(), name_.text.size());
    }
    if (!fingerprints_.empty()) {
        SSL_CTX_set_cert_verify_callback(context, check_pin, this);
    }
}

bool tls_context::load_trust(const tls_options& options, std::string& why) {
    trust_ = known_trust::shared().load(options, why);
    if (!trust_) {
        return false;
    }
    SSL_CTX_set1_cert_store(context_.get(), trust_.get());
    if (!options.crl_file.empty()) {
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_.get()),
                                    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    return true;
}

bool tls_context::load_identity(const tls_options& options, std::string& why) {
    SSL_CTX* const context = context_.get();
    if (options.client_cert.empty() != options.client_key.empty()) {
        why = "a client certificate and its key go together: give both or neither";
        return false;
    }
    if (options.client_cert.empty()) {
        return true;
    }
    if (SSL_CTX_use_certificate_chain_file(context, options.client_cert.c_str()) != 1) {
        why = unusable("the client certificate", options.client_cert);
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context, options.client_key.c_str(), SSL_FILETYPE_PEM) != 1) {
        why = unusable("the client key", options.client_key);
        return false;
    }
    return true;
}

bool tls_context::is_pinned(const X509& leaf) const {
    return std::find(fingerprints_.begin(), fingerprints_.end(), fingerprint_of(leaf)) != fingerprints_.end();
}

// Stands in for the whole verification when fingerprints were given.
int tls_context::check_pin(X509_STORE_CTX* store, void* self) {
    const auto& context = *static_cast<tls_context*>(self);
    X509* const leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf != nullptr && context.is_pinned(*leaf)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const channel = static_cast<tls_channel*>(SSL_get_app_data(ssl));
    channel->note_problem("the certificate's SHA-256 fingerprint is not one of those expected: " +
                              (leaf != nullptr ? fingerprint_of(*leaf) : "none"),
                          leaf);
    return context.must_verify_ ? 0 : 1;
}

// --- one connection ---

tls_channel::tls_channel(const tls_context& context)
    : context_(context), ssl_(SSL_new(context.context_.get())) {
    BIO* const bio = BIO_new(bio_method());
    if (!ssl_ || bio == nullptr) {
        BIO_free(bio);
        throw std::bad_alloc();
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_connect_state(ssl_.get());
    if (!context.name_.is_address && !context.name_.text.empty()) {
        SSL_set_tlsext_host_name(ssl_.get(), context.name_.text.c_str()); // never an address: RFC 6066 3
    }
    if (const auto known = known_sessions::shared().take(context.key_)) {
        SSL_set_session(ssl_.get(), known->session.get());
        resumed_verified_ = known->verified;
        resumed_problem_ = known->problem;
        certificate_ = known->certificate;
    }
}

tls_channel::~tls_channel() = default;

tls_channel::step tls_channel::handshake() {
    forget_errors();
    const int result = SSL_do_handshake(ssl_.get());
    return result == 1 ? finish_handshake() : fail(SSL_get_error(ssl_.get(), result));
}

tls_channel::step tls_channel::finish_handshake() {
    if (SSL_session_reused(ssl_.get()) == 1) {
        verified_ = resumed_verified_;
        problem_ = resumed_problem_;
    } else {
        const X509* const leaf = SSL_get0_peer_certificate(ssl_.get());
        certificate_ = described(leaf);
        if (problem_.empty() && context_.fingerprints_.empty()) {
            problem_ =
                SSL_get_verify_result(ssl_.get()) == X509_V_OK ? staple_problem(*ssl_) : "not verified";
        }
        verified_ = context_.verify_ && problem_.empty();
    }
    if (context_.must_verify_ && !verified_) {
        error_ = errc::tls_certificate;
        detail_ = problem_;
        return step::failed;
    }
    established_ = true;
    keep_session();
    return step::done;
}

tls_channel::step tls_channel::fail(int ssl_error) {
    if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE) {
        return step::wants_input;
    }
    if (ssl_error == SSL_ERROR_ZERO_RETURN) {
        return step::closed;
    }
    const unsigned long code = ERR_peek_last_error();
    const bool certificate =
        ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    // OpenSSL's reasons above SSL_AD_REASON_OFFSET are alerts of the server: under TLS 1.3 one that refuses
    // our certificate arrives after the handshake (RFC 8446 4.4.2.4).
    const bool alert = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
    error_ = certificate              ? errc::tls_certificate
             : established_ && !alert ? errc::connection_lost
                                      : errc::tls_handshake;
    detail_ = certificate && !problem_.empty() ? problem_ : take_openssl_error();
    forget_errors();
    return step::failed;
}

tls_channel::step tls_channel::read(std::span<char> space, std::size_t& size) {
    forget_errors();
    size = 0;
    const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &size);
    return result == 1 ? step::done : fail(SSL_get_error(ssl_.get(), result));
}

tls_channel::step tls_channel::write(std::string_view plaintext) {
    while (!plaintext.empty()) {
        forget_errors();
        std::size_t taken = 0;
        const int result =
            SSL_write_ex(ssl_.get(), plaintext.data(), std::min(plaintext.size(), record_size), &taken);
        if (result != 1) {
            return fail(SSL_get_error(ssl_.get(), result));
        }
        plaintext.remove_prefix(taken);
        plaintext_made_ += taken;
        records_.push_back({ciphertext_made_, plaintext_made_});
    }
    return step::done;
}

void tls_channel::say_goodbye() {
    forget_errors();
    if (established_ && (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0) {
        SSL_shutdown(ssl_.get());
    }
    forget_errors();
}

std::span<char> tls_channel::space() {
    if (in_begin_ < in_end_) {
        return {};
    }
    if (!in_) {
        in_ = spare<ciphertext>::take();
    }
    in_begin_ = in_end_ = 0;
    return in_->octets;
}

void tls_channel::arrived(std::size_t size) {
    in_end_ += size;
    release_input();
}

// Nobody holds room for input while there is none.
void tls_channel::release_input() {
    if (in_ && in_begin_ == in_end_) {
        spare<ciphertext>::give(std::move(in_));
        in_.reset();
    }
}

std::size_t tls_channel::sent(std::size_t size) {
    out_begin_ += size;
    ciphertext_sent_ += size;
    if (out_begin_ == out_.size()) {
        out_.clear();
        out_begin_ = 0;
    }
    const std::uint64_t before = plaintext_sent_;
    while (first_record_ < records_.size() && records_[first_record_].ciphertext_end <= ciphertext_sent_) {
        plaintext_sent_ = records_[first_record_++].plaintext_end;
    }
    if (first_record_ == records_.size()) {
        records_.clear();
        first_record_ = 0;
    }
    return static_cast<std::size_t>(plaintext_sent_ - before);
}

void tls_channel::describe_to(connection_info& info) const {
    if (established_) {
        info.tls_version = SSL_get_version(ssl_.get());
        info.tls_cipher = SSL_get_cipher_name(ssl_.get());
    }
    info.tls_verified = verified_;
    info.tls_resumed = SSL_session_reused(ssl_.get()) == 1;
    info.tls_problem = problem_;
    info.certificate = established_ ? certificate_ : refused_;
    if (!info.certificate) {
        info.certificate = described(SSL_get0_peer_certificate(ssl_.get()));
    }
}

// The first problem is the cause; what follows from it helps nobody. OpenSSL forgets a certificate that it
// refused.
void tls_channel::note_problem(std::string problem, const X509* leaf) {
    if (problem_.empty()) {
        problem_ = std::move(problem);
        refused_ = described(leaf);
    }
}

// Sessions come during the handshake (TLS 1.2) or after it (1.3), and only one whose certificate was judged
// may be kept.
void tls_channel::keep_session() {
    if (established_ && session_ && SSL_SESSION_is_resumable(session_.get()) == 1) {
        known_sessions::shared().keep(
            {context_.key_, std::move(session_), verified_, problem_, certificate_});
    }
}

int tls_channel::on_verify(int ok, X509_STORE_CTX* store) {
    if (ok != 1) {
        auto* const ssl =
            static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto* const self = static_cast<tls_channel*>(SSL_get_app_data(ssl));
        self->note_problem(explain(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_error_depth(store),
                                   X509_STORE_CTX_get_current_cert(store), self->context_.name_.text),
                           X509_STORE_CTX_get0_cert(store));
    }
    return ok;
}

int tls_channel::on_new_session(SSL* ssl, SSL_SESSION* session) {
    auto* const channel = static_cast<tls_channel*>(SSL_get_app_data(ssl));
    channel->session_.reset(session);
    channel->keep_session();
    return 1; // the reference is ours now
}

const BIO_METHOD* tls_channel::bio_method() {
    static const bio_method_ptr method = [] {
        bio_method_ptr made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postrider"));
        BIO_meth_set_read(made.get(), bio_read);
        BIO_meth_set_write(made.get(), bio_write);
        BIO_meth_set_ctrl(made.get(), bio_control);
        return made;
    }();
    return method.get();
}

int tls_channel::bio_read(BIO* bio, char* data, int size) {
    auto* const self = static_cast<tls_channel*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t n = std::min(static_cast<std::size_t>(size), self->in_end_ - self->in_begin_);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    std::memcpy(data, self->in_->octets.data() + self->in_begin_, n);
    self->in_begin_ += n;
    self->release_input();
    return static_cast<int>(n);
}

int tls_channel::bio_write(BIO* bio, const char* data, int size) {
    auto* const self = static_cast<tls_channel*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    self->out_.append(data, static_cast<std::size_t>(size));
    self->ciphertext_made_ += static_cast<std::size_t>(size);
    return size;
}

long tls_channel::bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

} // namespace postrider::line
