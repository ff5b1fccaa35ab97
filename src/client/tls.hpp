// tls.hpp - TLS as a machine without I/O: ciphertext in, plaintext out, and the other way round.
//
// OpenSSL never sees the socket. So a whole group of commands becomes one write, the end of the line without
// a closing alert is told apart from one with it (RFC 8446 6.1), and it is known to the octet which plaintext
// the system was given: a record sent in part cannot be read by anybody.
#pragma once

#include "host_name.hpp"
#include "known_trust.hpp"
#include "openssl_ptr.hpp"
#include "postrider/client.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postrider::line {

/// The settings of all TLS connections of one client or pool; immutable, and shared by threads.
class tls_context {
  public:
    /// Sessions are resumed by those with the same `key`. `must_verify`: a certificate that does not pass
    /// ends the handshake; else it is only noted. Null when an option cannot be used; `why` then says which.
    static std::unique_ptr<tls_context> create(const tls_options& options, const host_name& name,
                                               std::string key, bool must_verify, std::string& why);

  private:
    friend class tls_channel;
    tls_context() = default;
    bool load_trust(const tls_options& options, std::string& why);
    bool load_identity(const tls_options& options, std::string& why);
    void set_rules();
    bool is_pinned(const X509& leaf) const;
    static int check_pin(X509_STORE_CTX* store, void* self);

    ssl_ctx_ptr context_;
    trust trust_; // held for those who want the same
    host_name name_;
    std::vector<std::string> fingerprints_;
    bool must_verify_ = true;
    bool verify_ = true;
    std::string key_; // of what may be resumed
};

/// One TLS connection.
class tls_channel {
  public:
    enum class step { done, wants_input, closed, failed };

    explicit tls_channel(const tls_context& context);
    tls_channel(const tls_channel&) = delete;
    tls_channel& operator=(const tls_channel&) = delete;
    ~tls_channel();

    /// done: the line is encrypted. Output may be waiting whatever it returns.
    step handshake();
    /// Decrypts what arrived; `size` octets into `space`.
    step read(std::span<char> space, std::size_t& size);
    /// Encrypts all of it.
    step write(std::string_view plaintext);
    /// Puts the closing alert in the output.
    void say_goodbye();

    /// Where to put ciphertext that arrives; empty when there is still some to be read.
    std::span<char> space();
    /// Some of that was not read yet.
    bool has_input() const { return in_begin_ < in_end_ || SSL_has_pending(ssl_.get()) == 1; }
    /// Without more from the peer nothing can be read.
    bool needs_input() const {
        return !has_input() && (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) == 0;
    }
    void arrived(std::size_t size);
    /// Ciphertext to be sent.
    std::string_view output() const { return std::string_view(out_).substr(out_begin_); }
    /// `size` octets of it were. Returns how many octets of plaintext are with the system because of it.
    std::size_t sent(std::size_t size);

    bool verified() const { return verified_; }
    errc error() const { return error_; }
    const std::string& detail() const { return detail_; }
    /// Fills in the parts that speak of TLS.
    void describe_to(connection_info& info) const;

  private:
    struct record {
        std::uint64_t ciphertext_end;
        std::uint64_t plaintext_end;
    };

    step finish_handshake();
    step fail(int ssl_error);
    void note_problem(std::string problem, const X509* leaf);
    void keep_session();
    void release_input();

    static const BIO_METHOD* bio_method();
    static int bio_read(BIO* bio, char* data, int size);
    static int bio_write(BIO* bio, const char* data, int size);
    static long bio_control(BIO* bio, int command, long, void*);
    static int on_verify(int ok, X509_STORE_CTX* store);
    static int on_new_session(SSL* ssl, SSL_SESSION* session);
    friend class tls_context;

    const tls_context& context_;
    ssl_ptr ssl_;
    ssl_session_ptr session_;
    bool resumed_verified_ = false;
    std::string resumed_problem_;
    std::string problem_;
    std::shared_ptr<const certificate_info> certificate_; // of an established line
    std::shared_ptr<const certificate_info> refused_;
    errc error_ = errc::ok;
    std::string detail_;
    bool established_ = false;
    bool verified_ = false;

    struct ciphertext;
    std::unique_ptr<ciphertext> in_; // null while there is none
    std::size_t in_begin_ = 0;
    std::size_t in_end_ = 0;
    std::string out_;
    std::size_t out_begin_ = 0;
    std::uint64_t ciphertext_made_ = 0;
    std::uint64_t ciphertext_sent_ = 0;
    std::uint64_t plaintext_made_ = 0;
    std::uint64_t plaintext_sent_ = 0;
    std::vector<record> records_; // of what is not sent, the first first_record_ aside
    std::size_t first_record_ = 0;
};

} // namespace postrider::line
