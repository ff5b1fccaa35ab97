// The driver: listeners, connections as coroutines on one io_context, TLS, and time.
//
// No co_await stands inside a condition: g++ 12 loses the frame of `a && !co_await b()`.
//
// A session never waits by itself. Idle limits, the end of a linger and the end of a stop's grace are all
// found by one sweeping timer, so that an ordinary read or write costs no timer of its own.
#include "sink/certificate.hpp"
#include "sink/session.hpp"
#include "sink/show.hpp"
#include "sink/sink.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <unordered_set>

namespace postrider::sink {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using local = asio::local::stream_protocol;
using socket_type = asio::generic::stream_protocol::socket;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t read_size = 64U << 10U;
constexpr milliseconds handshake_limit = std::chrono::seconds(30);
constexpr milliseconds linger_limit = std::chrono::seconds(1);
constexpr milliseconds hurried_linger = milliseconds(50);
constexpr milliseconds poll_interval = milliseconds(20);
constexpr milliseconds signal_grace = std::chrono::seconds(3);
constexpr milliseconds count_grace = std::chrono::seconds(1);

auto into(error_code& failure) {
    return asio::redirect_error(asio::use_awaitable, failure);
}

// What a connection needs of its server.
struct surroundings {
    asio::io_context& io;
    shared_state& shared;
    asio::ssl::context* tls = nullptr;
    bool stopping = false;
};

class connection {
  public:
    connection(surroundings& around, socket_type socket, std::string peer)
        : around_(around), socket_(std::move(socket)), timer_(around.io), peer_(peer),
          session_(around.shared, std::move(peer)), last_activity_(clock::now()) {}

    asio::awaitable<void> run();
    // Ends an idle wait: the client is told why, then the line is closed.
    void interrupt(std::string_view enhanced, std::string_view why);
    // Called by the sweep.
    void check_time(clock::time_point now, milliseconds idle_limit);
    bool idle() const noexcept { return !session_.in_transaction(); }

  private:
    asio::awaitable<bool> perform();
    asio::awaitable<bool> flush();
    asio::awaitable<bool> fill();
    asio::awaitable<bool> handshake();
    asio::awaitable<void> close_in_order();
    asio::awaitable<void> stall();
    asio::awaitable<void> wait(milliseconds time);
    void digest();
    bool plaintext_behind();
    void reset();
    void event(std::string_view what) const;

    surroundings& around_;
    socket_type socket_;
    std::optional<asio::ssl::stream<socket_type&>> tls_;
    asio::steady_timer timer_;
    std::string peer_;
    session session_;
    std::unique_ptr<char[]> buffer_{
        new char[read_size]}; // left uninitialised: pages are touched as mail comes
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    clock::time_point last_activity_;
    std::optional<clock::time_point> close_by_;
    std::string_view interrupted_code_;
    std::string_view interrupted_why_;
    bool handshaking_ = false;
    bool stalled_ = false;
};

asio::awaitable<void> connection::run() {
    if (around_.shared.settings.tls == tls_mode::implicit) {
        const bool secured = co_await handshake();
        if (!secured)
            co_return;
    }
    if (session_.next() == action::read)
        session_.greet();
    for (;;) {
        const bool goes_on = co_await perform();
        if (!goes_on)
            co_return;
        const bool came = co_await fill();
        if (!came)
            co_return;
        digest();
    }
}

// Hands the session what came, and what it leaves stays for the next time.
void connection::digest() {
    begin_ += session_.consume({buffer_.get() + begin_, end_ - begin_});
    if (begin_ == end_)
        begin_ = end_ = 0;
}

// Writes what is to be written and does what the session asks for; false ends the connection.
asio::awaitable<bool> connection::perform() {
    for (;;) {
        if (session_.next() == action::start_tls)
            session_.answer_starttls(plaintext_behind());
        const bool more = session_.output_full();
        const bool written = co_await flush();
        if (!written)
            co_return false;
        switch (session_.next()) {
        case action::read:
            if (!more || begin_ == end_)
                co_return true;
            digest(); // commands were left because the replies filled the buffer
            continue;
        case action::handshake: {
            const bool secured = co_await handshake();
            if (!secured)
                co_return false;
            continue;
        }
        case action::close:
            co_await close_in_order();
            break;
        case action::stall:
            co_await stall();
            break;
        case action::reset:
            reset();
            break;
        default:
            break;
        }
        co_return false;
    }
}

asio::awaitable<bool> connection::flush() {
    auto& out = session_.output();
    if (out.empty())
        co_return true;
    if (around_.shared.settings.delay.count() > 0)
        co_await wait(around_.shared.settings.delay);
    error_code failure;
    if (tls_)
        co_await asio::async_write(*tls_, asio::buffer(out), into(failure));
    else
        co_await asio::async_write(socket_, asio::buffer(out), into(failure));
    out.clear();
    last_activity_ = clock::now();
    co_return !failure;
}

asio::awaitable<bool> connection::fill() {
    if (begin_ != 0 && begin_ != end_)
        std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
    end_ -= begin_;
    begin_ = 0;
    const auto room = asio::buffer(buffer_.get() + end_, read_size - end_);
    error_code failure;
    std::size_t count = 0;
    if (!interrupted_why_.empty())
        failure = asio::error::operation_aborted; // interrupted before the wait began
    else if (tls_)
        count = co_await tls_->async_read_some(room, into(failure));
    else
        count = co_await socket_.async_read_some(room, into(failure));
    if (!interrupted_why_.empty()) {
        session_.farewell(interrupted_code_, interrupted_why_);
        co_await perform();
        co_return false;
    }
    end_ += count;
    last_activity_ = clock::now();
    co_return !failure;
}

asio::awaitable<bool> connection::handshake() {
    if (session_.strikes(stage::handshake))
        co_return co_await perform();
    tls_.emplace(socket_, *around_.tls);
    error_code failure;
    handshaking_ = true;
    co_await tls_->async_handshake(asio::ssl::stream_base::server, into(failure));
    handshaking_ = false;
    if (failure) {
        event(fmt::format("TLS handshake with {} failed: {}", peer_, failure.message()));
        co_return false;
    }
    auto* const ssl = tls_->native_handle();
    session_.tls_started(SSL_get_version(ssl), SSL_get_cipher_name(ssl));
    last_activity_ = clock::now();
    co_return true;
}

// RFC 3207 6: whatever came in the clear behind STARTTLS must not be taken for something said under TLS.
bool connection::plaintext_behind() {
    error_code ignored;
    return begin_ != end_ || socket_.available(ignored) > 0;
}

// The client still reads the last reply when its own octets are on the way, so these are read and thrown
// away: closing with unread octets would send RST and may take the reply with it.
asio::awaitable<void> connection::close_in_order() {
    close_by_ = clock::now() + (around_.stopping ? hurried_linger : linger_limit);
    error_code failure;
    if (tls_)
        co_await tls_->async_shutdown(into(failure));
    socket_.shutdown(socket_type::shutdown_send, failure);
    while (!failure && !around_.stopping)
        co_await socket_.async_read_some(asio::buffer(buffer_.get(), read_size), into(failure));
}

// Holds the line without reading, so that the client's writes fill up; asks the kernel whether it has gone.
asio::awaitable<void> connection::stall() {
    stalled_ = true;
    pollfd line{socket_.native_handle(), POLLRDHUP, 0};
    while (!around_.stopping && poll(&line, 1, 0) == 0)
        co_await wait(poll_interval);
}

asio::awaitable<void> connection::wait(milliseconds time) {
    error_code ignored;
    timer_.expires_after(time);
    co_await timer_.async_wait(into(ignored));
}

void connection::reset() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

void connection::interrupt(std::string_view enhanced, std::string_view why) {
    if (!interrupted_why_.empty() || close_by_)
        return;
    interrupted_code_ = enhanced;
    interrupted_why_ = why;
    close_by_ = clock::now() + (around_.stopping ? hurried_linger : linger_limit);
    error_code ignored;
    socket_.cancel(ignored);
    timer_.cancel();
}

void connection::check_time(clock::time_point now, milliseconds idle_limit) {
    if (close_by_ && now >= *close_by_) {
        error_code ignored;
        socket_.close(ignored);
        timer_.cancel();
        return;
    }
    const auto limit = handshaking_ ? std::min(handshake_limit, idle_limit) : idle_limit;
    if (close_by_ || stalled_ || now - last_activity_ < limit)
        return;
    event(fmt::format("{} was idle for too long", peer_));
    interrupt("4.4.2", "Idle for too long, closing the connection");
}

void connection::event(std::string_view what) const {
    if (around_.shared.settings.on_event)
        around_.shared.settings.on_event(what);
}

// Keeps a connection in the server's list while it lives.
class membership {
  public:
    membership(std::unordered_set<connection*>& all, connection& one) : all_(all), one_(one) {
        all_.insert(&one_);
    }
    ~membership() { all_.erase(&one_); }
    membership(const membership&) = delete;
    membership& operator=(const membership&) = delete;

  private:
    std::unordered_set<connection*>& all_;
    connection& one_;
};

[[noreturn]] void bad_address(const std::string& text) {
    throw setup_error(
        setup_error::kind::configuration,
        fmt::format("\"{}\" is not an address to listen on: write 127.0.0.1:2525, [::1]:2525 or a port alone",
                    printable(text)));
}

// "host:port", "[v6]:port" or "port"; localhost is 127.0.0.1.
tcp::endpoint parse_listen(const std::string& text, bool allow_remote) {
    const auto colon = text.rfind(':');
    auto host = colon == std::string::npos ? std::string("127.0.0.1") : text.substr(0, colon);
    const auto digits = colon == std::string::npos ? text : text.substr(colon + 1);
    if (host == "localhost" || host.empty())
        host = "127.0.0.1";
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    const bool number =
        !digits.empty() && digits.size() <= 5 &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    error_code failure;
    const auto address = asio::ip::make_address(host, failure);
    const unsigned long port = number ? std::stoul(digits) : 65536;
    if (failure || port > 65535)
        bad_address(text);
    if (!address.is_loopback() && !allow_remote)
        throw setup_error(
            setup_error::kind::configuration,
            fmt::format("{} is not a loopback address, others could send mail here: listen on 127.0.0.1 or "
                        "[::1], or allow it with --allow-remote",
                        host));
    return {address, static_cast<std::uint16_t>(port)};
}

std::string endpoint_text(const tcp::endpoint& where) {
    const auto host = where.address().to_string();
    return where.address().is_v6() ? fmt::format("[{}]:{}", host, where.port())
                                   : fmt::format("{}:{}", host, where.port());
}

tcp::acceptor listen_tcp(asio::io_context& io, const tcp::endpoint& where) {
    tcp::acceptor acceptor(io);
    error_code failure;
    acceptor.open(where.protocol(), failure);
    if (!failure)
        acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
    if (!failure && where.address().is_v6())
        acceptor.set_option(asio::ip::v6_only(true), failure);
    if (!failure)
        acceptor.bind(where, failure);
    if (!failure)
        acceptor.listen(asio::socket_base::max_listen_connections, failure);
    // For clients that begin in the SYN (RFC 7413); in vain where the system does not let servers have it.
    const int waiting = 16;
    if (!failure)
        ::setsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_FASTOPEN, &waiting, sizeof waiting);
    if (failure == asio::error::address_in_use)
        throw setup_error(
            setup_error::kind::address_in_use,
            fmt::format("port {} is in use, another program listens on {}: stop it (ss -ltnp shows it) or "
                        "choose another port, 0 for any free one",
                        where.port(), endpoint_text(where)));
    if (failure)
        throw setup_error(setup_error::kind::address,
                          fmt::format("cannot listen on {}: {}: choose another address{}",
                                      endpoint_text(where), failure.message(),
                                      where.port() < 1024 ? " or a port above 1023" : ""));
    return acceptor;
}

// A socket file that nobody answers on is a leftover and goes; anything else that stands there stays.
void clear_unix_path(asio::io_context& io, const std::string& path) {
    struct stat about {};
    if (lstat(path.c_str(), &about) != 0)
        return;
    if (!S_ISSOCK(about.st_mode))
        throw setup_error(
            setup_error::kind::address,
            fmt::format("{} exists and is no socket: remove it or choose another path", printable(path)));
    local::socket probe(io);
    error_code failure;
    probe.connect(local::endpoint(path), failure);
    if (!failure)
        throw setup_error(
            setup_error::kind::address_in_use,
            fmt::format("another program listens on {}: stop it or choose another path", printable(path)));
    unlink(path.c_str());
}

local::acceptor listen_unix(asio::io_context& io, const std::string& path) {
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
        throw setup_error(setup_error::kind::configuration,
                          fmt::format("the socket path {} must have 1 to {} octets", printable(path),
                                      sizeof(sockaddr_un::sun_path) - 1));
    clear_unix_path(io, path);
    local::acceptor acceptor(io);
    error_code failure;
    acceptor.open(local(), failure);
    if (!failure)
        acceptor.bind(local::endpoint(path), failure);
    if (!failure)
        acceptor.listen(asio::socket_base::max_listen_connections, failure);
    if (failure)
        throw setup_error(
            setup_error::kind::address,
            fmt::format("cannot listen on {}: {}: choose another path", printable(path), failure.message()));
    chmod(path.c_str(), S_IRUSR | S_IWUSR);
    return acceptor;
}

void check_refusal(int code, std::string_view text, std::string_view where) {
    if (code < 400 || code > 599)
        throw setup_error(setup_error::kind::configuration,
                          fmt::format("{}: {} is no refusal, a code from 400 to 599 is", where, code));
    const bool clean = std::none_of(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
    if (!clean || text.size() > 400)
        throw setup_error(setup_error::kind::configuration,
                          fmt::format("{}: the reply's text must be one line of up to 400 octets", where));
}

void check_faults(const config& settings) {
    for (std::size_t i = 0; i < stage_count; ++i) {
        const auto& one = settings.faults[i];
        if (one.what != fault::kind::reply)
            continue;
        const auto where = static_cast<stage>(i);
        check_refusal(one.code, one.text, stage_name(where));
        if (where == stage::handshake || (where == stage::content && one.code != 421))
            throw setup_error(setup_error::kind::configuration,
                              where == stage::content
                                  ? "content: no reply is due there but 421; use end=CODE"
                                  : "handshake: no reply is due there; use close, reset or stall");
    }
}

void check_config(const config& settings) {
    check_faults(settings);
    for (const auto* list : {&settings.reject_sender, &settings.reject_recipient, &settings.reject_delivery})
        for (const auto& one : *list)
            check_refusal(one.code, one.text, one.pattern);
    if (settings.reject_content)
        check_refusal(settings.reject_content->code, settings.reject_content->text, "content");
    if (!settings.user.empty() && settings.password.empty())
        throw setup_error(setup_error::kind::configuration,
                          "a user needs a password: give it in a file or a variable");
    if (settings.require_tls && settings.tls == tls_mode::none)
        throw setup_error(setup_error::kind::configuration,
                          "TLS cannot be required while it is off: choose starttls or implicit");
    if (!is_domain_or_literal(settings.host_name))
        throw setup_error(setup_error::kind::configuration, "the host name is not a domain");
}

} // namespace

class server::impl {
  public:
    explicit impl(config settings);
    ~impl();
    void run();
    void run_in_thread();
    void stop(milliseconds grace);

    shared_state shared;
    std::vector<std::string> addresses;
    std::vector<std::uint16_t> ports;
    std::string ca_pem;
    mutable std::mutex mutex;
    mutable std::condition_variable changed;

  private:
    template <class Acceptor>
    asio::awaitable<void> accept_from(Acceptor& acceptor);
    asio::awaitable<void> serve(socket_type socket, std::string peer);
    asio::awaitable<void> sweep();
    asio::awaitable<void> await_signals();
    template <class Socket>
    void welcome(Socket socket);
    void prepare_tls();
    void open_listeners();
    void begin_stop(milliseconds grace, bool interrupt_idle);
    void interrupt_all();
    void finish_if_idle();
    void message_accepted(const received& mail);

    std::unordered_set<connection*> connections_; // outlives the coroutines that io_ destroys
    asio::io_context io_{1};
    asio::ssl::context tls_{asio::ssl::context::tls_server};
    surroundings around_{io_, shared, nullptr, false};
    std::vector<tcp::acceptor> tcp_;
    std::vector<local::acceptor> unix_;
    asio::steady_timer sweep_timer_{io_};
    asio::signal_set signals_{io_};
    clock::time_point stop_by_{};
    std::thread thread_;
};

server::impl::impl(config settings) {
    shared.settings = std::move(settings);
    check_config(shared.settings);
    prepare_maildir(shared.settings);
    prepare_tls();
    open_listeners();
    shared.accepted = [this](const received& mail) { message_accepted(mail); };
    for (auto& acceptor : tcp_)
        asio::co_spawn(io_, accept_from(acceptor), asio::detached);
    for (auto& acceptor : unix_)
        asio::co_spawn(io_, accept_from(acceptor), asio::detached);
    asio::co_spawn(io_, sweep(), asio::detached);
    if (shared.settings.stop_on_signals) {
        signals_.add(SIGINT);
        signals_.add(SIGTERM);
        asio::co_spawn(io_, await_signals(), asio::detached);
    }
}

server::impl::~impl() {
    try {
        stop(milliseconds(0));
    } catch (const std::exception&) { // no memory to ask, or no thread to wait for: nobody is left to be told
    }
    for (const auto& path : shared.settings.unix_paths)
        unlink(path.c_str());
}

void server::impl::run() {
    io_.run();
}

void server::impl::run_in_thread() {
    thread_ = std::thread([this] { io_.run(); });
}

void server::impl::stop(milliseconds grace) {
    asio::post(io_, [this, grace] { begin_stop(grace, true); });
    if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id())
        thread_.join();
}

void server::impl::prepare_tls() {
    if (shared.settings.tls == tls_mode::none)
        return;
    auto* const context = tls_.native_handle();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    ca_pem = install_certificate(context, shared.settings);
    around_.tls = &tls_;
}

void server::impl::open_listeners() {
    auto& listen = shared.settings.listen;
    if (listen.empty() && shared.settings.unix_paths.empty())
        listen.emplace_back("127.0.0.1:0");
    for (const auto& text : listen) {
        tcp_.push_back(listen_tcp(io_, parse_listen(text, shared.settings.allow_remote)));
        ports.push_back(tcp_.back().local_endpoint().port());
        addresses.push_back(endpoint_text(tcp_.back().local_endpoint()));
    }
    for (const auto& path : shared.settings.unix_paths) {
        unix_.push_back(listen_unix(io_, path));
        addresses.push_back("unix:" + path);
    }
}

template <class Acceptor>
asio::awaitable<void> server::impl::accept_from(Acceptor& acceptor) {
    while (acceptor.is_open()) {
        error_code failure;
        auto socket = co_await acceptor.async_accept(into(failure));
        if (!failure) {
            welcome(std::move(socket));
        } else if (acceptor.is_open()) { // out of descriptors, say: the next ones may do better
            asio::steady_timer pause(io_, poll_interval);
            co_await pause.async_wait(into(failure));
        }
    }
}

template <class Socket>
void server::impl::welcome(Socket socket) {
    ++shared.connections;
    error_code ignored;
    std::string peer = "unix";
    if constexpr (std::is_same_v<Socket, tcp::socket>) {
        socket.set_option(tcp::no_delay(true), ignored);
        peer = endpoint_text(socket.remote_endpoint(ignored));
    }
    if (connections_.size() >= shared.settings.max_connections) {
        constexpr std::string_view full = "421 4.7.0 Too many connections\r\n";
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(full), ignored);
        return;
    }
    asio::co_spawn(io_, serve(socket_type(std::move(socket)), std::move(peer)), asio::detached);
}

asio::awaitable<void> server::impl::serve(socket_type socket, std::string peer) {
    {
        const auto here = std::make_unique<connection>(around_, std::move(socket), std::move(peer));
        const membership listed(connections_, *here);
        co_await here->run();
    }
    finish_if_idle();
}

asio::awaitable<void> server::impl::sweep() {
    const auto idle = shared.settings.idle_timeout;
    const auto ordinary = std::clamp(idle / 4, poll_interval, milliseconds(500));
    while (!around_.stopping || !connections_.empty()) {
        error_code ignored;
        sweep_timer_.expires_after(around_.stopping ? poll_interval : ordinary);
        co_await sweep_timer_.async_wait(into(ignored));
        const auto now = clock::now();
        if (around_.stopping && now >= stop_by_)
            interrupt_all();
        for (auto* one : connections_)
            one->check_time(now, idle);
    }
}

asio::awaitable<void> server::impl::await_signals() {
    while (!around_.stopping || !connections_.empty()) {
        error_code failure;
        co_await signals_.async_wait(into(failure));
        if (failure)
            co_return;
        if (around_.stopping)
            stop_by_ = clock::now(); // asked twice: no more grace
        else
            begin_stop(signal_grace, true);
    }
}

void server::impl::begin_stop(milliseconds grace, bool interrupt_idle) {
    stop_by_ = clock::now() + grace;
    around_.stopping = shared.draining = true;
    error_code ignored;
    for (auto& acceptor : tcp_)
        acceptor.close(ignored);
    for (auto& acceptor : unix_)
        acceptor.close(ignored);
    sweep_timer_.cancel();
    if (grace.count() == 0)
        interrupt_all();
    else if (interrupt_idle)
        for (auto* one : connections_)
            if (one->idle())
                one->interrupt("4.3.2", "Shutting down");
    finish_if_idle();
}

void server::impl::interrupt_all() {
    for (auto* one : connections_)
        one->interrupt("4.3.2", "Shutting down");
}

// io_.run() returns once nothing waits any more.
void server::impl::finish_if_idle() {
    if (!around_.stopping || !connections_.empty())
        return;
    sweep_timer_.cancel();
    error_code ignored;
    signals_.cancel(ignored);
}

void server::impl::message_accepted(const received& mail) {
    if (shared.settings.on_message)
        shared.settings.on_message(mail);
    {
        const std::lock_guard lock(
            mutex); // so that wait_for() cannot miss the change between its look and its wait
    }
    changed.notify_all();
    const auto limit = shared.settings.stop_after;
    if (limit != 0 && shared.messages >= limit && !around_.stopping)
        begin_stop(count_grace, false);
}

server::server(config settings) : impl_(std::make_unique<impl>(std::move(settings))) {}
server::~server() = default;

std::uint16_t server::port(std::size_t listener) const {
    return impl_->ports.at(listener);
}
const std::vector<std::string>& server::addresses() const {
    return impl_->addresses;
}
const std::string& server::ca_pem() const {
    return impl_->ca_pem;
}
void server::run() {
    impl_->run();
}
void server::run_in_thread() {
    impl_->run_in_thread();
}
void server::stop(std::chrono::milliseconds grace) {
    impl_->stop(grace);
}

totals server::counted() const {
    const auto& seen = impl_->shared;
    return {seen.connections, seen.messages, seen.octets, seen.refused};
}

bool server::wait_for(std::uint64_t messages, std::chrono::milliseconds timeout) const {
    std::unique_lock lock(impl_->mutex);
    return impl_->changed.wait_for(lock, timeout,
                                   [this, messages] { return impl_->shared.messages >= messages; });
}

} // namespace postrider::sink
