// scripted_server.hpp - a server that does exactly what a test tells it: one function per connection, on a
// thread of its own.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace postrider::test {

/// One connection, seen from the server. Every call gives up after ten seconds by throwing, which ends the
/// script.
class peer {
  public:
    explicit peer(int descriptor);
    ~peer();
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    /// The next line without CRLF; empty once the client has left.
    std::string line();
    /// Lines up to the one that begins with `prefix`, which is returned; throws when the client leaves
    /// before.
    std::string until(std::string_view prefix);
    void send(std::string_view octets);
    /// So many octets, such as those of a chunk; throws when the client leaves before.
    std::string read(std::size_t size) { return take(size); }
    /// The client has said more than was asked for so far.
    bool has_more();
    /// How often `verb` begins a line of what the client has said and nobody asked for yet. Not within TLS.
    std::size_t waiting(std::string_view verb);
    /// Little room in the system, in both directions.
    void small_buffers();
    /// Reads until the client leaves.
    void drain();
    /// Waits until the client has left without reading anything.
    void stall();
    /// TLS as the server; false when the client did not go through with it.
    bool start_tls(SSL_CTX* context);
    bool resumed() const { return tls_ != nullptr && SSL_session_reused(tls_) == 1; }
    /// Closes TLS in order (close_notify), if there is any, and the socket.
    void close();
    /// Closes the socket alone.
    void cut();
    /// RST.
    void reset();

    /// All octets the client sent, before TLS and within.
    const std::string& clear() const { return clear_; }
    const std::string& secure() const { return secure_; }

    /// Greeting, EHLO with these keywords (none: 250 alone), up to the point where MAIL or AUTH may come.
    void greet(const std::vector<std::string>& keywords);
    void answer_ehlo(const std::vector<std::string>& keywords);
    /// Takes one message by DATA or BDAT; returns its octets as they came. Needs no PIPELINING.
    std::string take_message();

  private:
    bool fill();
    std::string take(std::size_t size);

    int descriptor_;
    SSL* tls_ = nullptr;
    std::string buffer_;
    std::string clear_;
    std::string secure_;
};

class scripted_server {
  public:
    using script = std::function<void(peer&)>;

    /// Serves one connection after the other, the nth with the nth script, the last one for all that follow.
    /// `family` is AF_INET, AF_INET6 or AF_UNIX (with `path`).
    explicit scripted_server(std::vector<script> scripts, int family = 2, const std::string& path = "");
    ~scripted_server();
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;

    std::uint16_t port() const { return port_; }
    unsigned connections() const;
    /// What went wrong in the scripts, first of all; empty when nothing did.
    std::string trouble() const;

  private:
    void serve();

    std::vector<script> scripts_;
    int listener_ = -1;
    int stop_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    unsigned connections_ = 0;
    std::string trouble_;
    std::thread thread_;
};

/// A server's settings with the certificates of test/servers/certs.py.
struct server_context_deleter {
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
using server_context = std::unique_ptr<SSL_CTX, server_context_deleter>;
/// `security_level`, `minimum` and `maximum` (TLS1_2_VERSION ...): -1 and 0 leave OpenSSL's defaults.
server_context make_context(const std::string& chain, const std::string& key, int security_level = -1,
                            int minimum = 0, int maximum = 0);

} // namespace postrider::test
