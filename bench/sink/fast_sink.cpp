// fast_sink - a mail server for measurements: takes everything, keeps nothing, checks every octet.
//
// One thread and one epoll set for thousands of connections. Each turn is one read, the replies to all that
// was read, and one write. What it saw is told as a JSON line to whoever connects to its Unix socket
// (--control), and the counters begin anew.
#include "server_side.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

using bench::counters;
using bench::offer;
using bench::server_side;

constexpr std::size_t block_size = std::size_t{256} * 1024;
constexpr std::size_t most_waiting = std::size_t{256} * 1024; // of replies, before nothing more is read

struct settings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string control;
    std::string certificate;
    std::string key;
    bool implicit_tls = false;
    offer offered;
};

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

int checked(int value, const char* what) {
    if (value < 0) {
        fail(what);
    }
    return value;
}

struct free_context {
    void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
};
struct free_ssl {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
};

std::unique_ptr<SSL_CTX, free_context> make_context(const settings& s) {
    std::unique_ptr<SSL_CTX, free_context> context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_use_certificate_chain_file(context.get(), s.certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), s.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        throw std::runtime_error("the certificate " + s.certificate + " or its key " + s.key +
                                 " cannot be used");
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1); // else each record costs two reads
    SSL_CTX_set_default_read_buffer_len(context.get(), block_size);
    constexpr unsigned char name[] = "fast_sink";
    SSL_CTX_set_session_id_context(context.get(), name, sizeof name - 1);
    return context;
}

class connection {
  public:
    connection(int fd, const offer& offered, counters& counts)
        : fd_(fd), side_(offered, counts), counts_(&counts) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() {
        tls_.reset();
        ::close(fd_);
    }

    void start_tls(SSL_CTX* context) {
        tls_.reset(SSL_new(context));
        SSL_set_fd(tls_.get(), fd_);
        SSL_set_accept_state(tls_.get());
    }
    /// False: the line is lost.
    bool greet() {
        side_.greet(replies_);
        greeted_ = true;
        return flush();
    }
    /// What there is to do after epoll said so; false: it is over.
    bool go_on(std::vector<char>& block, SSL_CTX* context);
    bool wants_to_write() const noexcept { return sent_ < replies_.size(); }
    int fd() const noexcept { return fd_; }
    bool watched_for_write = false;

  private:
    enum class got : std::uint8_t { octets, nothing, end };
    got read_some(std::vector<char>& block, std::size_t& size);
    got why_not(int result);
    bool end_of_handshake();
    void take(std::string_view octets);
    bool flush();
    bool write_some(std::string_view octets, std::size_t& size);

    int fd_;
    server_side side_;
    counters* counts_;
    std::unique_ptr<SSL, free_ssl> tls_;
    std::string unused_; // the beginning of a line
    std::string replies_;
    std::size_t sent_ = 0;
    bool greeted_ = false;
    bool shaken_ = false;
};

bool connection::go_on(std::vector<char>& block, SSL_CTX* context) {
    got what = got::octets;
    while (what == got::octets && replies_.size() - sent_ < most_waiting && !side_.is_over()) {
        std::size_t size = 0;
        what = read_some(block, size);
        if (what == got::octets) {
            take({block.data(), size});
            // A block that is not full was all there is. What TLS has read ahead, epoll does not know of.
            if (!tls_ && size < block.size()) {
                break;
            }
        }
    }
    if (!flush() || what == got::end || (side_.is_over() && !wants_to_write())) {
        return false;
    }
    if (side_.starts_tls()) {
        unused_.clear();
        start_tls(context);
    }
    return true;
}

void connection::take(std::string_view octets) {
    counts_->received += octets.size();
    if (unused_.empty()) {
        unused_.assign(octets.substr(side_.take(octets, replies_)));
        return;
    }
    unused_.append(octets);
    unused_.erase(0, side_.take(unused_, replies_));
}

connection::got connection::read_some(std::vector<char>& block, std::size_t& size) {
    if (tls_) {
        const int result = SSL_read(tls_.get(), block.data(), static_cast<int>(block.size()));
        size = result > 0 ? static_cast<std::size_t>(result) : 0;
        const got what = result > 0 ? got::octets : why_not(result);
        return what != got::end && !shaken_ && !end_of_handshake() ? got::end : what;
    }
    const ssize_t result = ::read(fd_, block.data(), block.size());
    size = result > 0 ? static_cast<std::size_t>(result) : 0;
    if (result > 0) {
        return got::octets;
    }
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? got::nothing : got::end;
}

// False: the line is lost.
bool connection::end_of_handshake() {
    if (SSL_is_init_finished(tls_.get()) == 0) {
        return true;
    }
    shaken_ = true;
    ++counts_->handshakes;
    counts_->resumed += SSL_session_reused(tls_.get()) == 1 ? 1 : 0;
    return greeted_ || greet();
}

connection::got connection::why_not(int result) {
    const int why = SSL_get_error(tls_.get(), result);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? got::nothing : got::end;
}

bool connection::write_some(std::string_view octets, std::size_t& size) {
    size = 0;
    if (tls_) {
        const int result = SSL_write(tls_.get(), octets.data(), static_cast<int>(octets.size()));
        size = result > 0 ? static_cast<std::size_t>(result) : 0;
        return result > 0 || why_not(result) == got::nothing;
    }
    const ssize_t result = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
    size = result > 0 ? static_cast<std::size_t>(result) : 0;
    return result >= 0 || errno == EAGAIN || errno == EINTR;
}

bool connection::flush() {
    if (!wants_to_write()) {
        return true;
    }
    ++counts_->turns;
    std::size_t size = 1;
    while (wants_to_write() && size != 0) {
        if (!write_some(std::string_view(replies_).substr(sent_), size)) {
            return false;
        }
        sent_ += size;
        counts_->sent += size;
    }
    if (!wants_to_write()) {
        replies_.clear();
        sent_ = 0;
    }
    return true;
}

class sink {
  public:
    explicit sink(settings s);
    std::uint16_t port() const;
    [[noreturn]] void run();

  private:
    void watch(int fd, unsigned events, int operation = EPOLL_CTL_ADD) const;
    void handle(int fd);
    void accept_one();
    void serve(connection& c);
    void tell();

    settings settings_;
    std::unique_ptr<SSL_CTX, free_context> context_;
    int set_;
    int listener_;
    int control_ = -1;
    counters counts_;
    std::vector<std::unique_ptr<connection>> connections_; // by descriptor
    std::vector<char> block_ = std::vector<char>(block_size);
};

sink::sink(settings s)
    : settings_(std::move(s)), set_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll")),
      listener_(checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    if (!settings_.certificate.empty()) {
        context_ = make_context(settings_);
    }
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // what it accepts inherits that
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(settings_.port);
    if (inet_pton(AF_INET, settings_.address.c_str(), &where.sin_addr) != 1) {
        throw std::runtime_error("not an IPv4 address: " + settings_.address);
    }
    checked(bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where), "bind");
    checked(listen(listener_, 16384), "listen");
    watch(listener_, EPOLLIN);
    if (!settings_.control.empty()) {
        control_ = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        sockaddr_un path{};
        path.sun_family = AF_UNIX;
        if (settings_.control.size() >= sizeof path.sun_path) {
            throw std::runtime_error("too long for a socket's path: " + settings_.control);
        }
        settings_.control.copy(path.sun_path, sizeof path.sun_path - 1);
        checked(bind(control_, reinterpret_cast<sockaddr*>(&path), sizeof path), "bind the control socket");
        checked(listen(control_, 16), "listen");
        watch(control_, EPOLLIN);
    }
}

std::uint16_t sink::port() const {
    sockaddr_in where{};
    socklen_t size = sizeof where;
    checked(getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size), "getsockname");
    return ntohs(where.sin_port);
}

void sink::watch(int fd, unsigned events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    checked(epoll_ctl(set_, operation, fd, &event), "epoll_ctl");
}

void sink::run() {
    std::vector<epoll_event> events(1024);
    for (;;) {
        const int count = epoll_wait(set_, events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) {
            fail("epoll_wait");
        }
        for (int i = 0; i < count; ++i) {
            handle(events[static_cast<std::size_t>(i)].data.fd);
        }
    }
}

void sink::handle(int fd) {
    if (fd == listener_) {
        accept_one();
    } else if (fd == control_) {
        tell();
    } else if (connections_[static_cast<std::size_t>(fd)]) {
        serve(*connections_[static_cast<std::size_t>(fd)]);
    }
}

void sink::accept_one() {
    // Epoll tells again of the next one: asking whether there is one would cost a call for each.
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return; // gone again; or out of descriptors, which shows in the client
    }
    const auto place = static_cast<std::size_t>(fd);
    if (connections_.size() <= place) {
        connections_.resize(place + 1);
    }
    ++counts_.sessions;
    connections_[place] = std::make_unique<connection>(fd, settings_.offered, counts_);
    watch(fd, EPOLLIN);
    if (settings_.implicit_tls) {
        connections_[place]->start_tls(context_.get());
    } else if (!connections_[place]->greet()) {
        connections_[place].reset();
    }
}

void sink::serve(connection& c) {
    const int fd = c.fd();
    if (!c.go_on(block_, context_.get())) {
        connections_[static_cast<std::size_t>(fd)].reset();
        return;
    }
    if (c.wants_to_write() != c.watched_for_write) {
        c.watched_for_write = c.wants_to_write();
        watch(fd, EPOLLIN | (c.watched_for_write ? EPOLLOUT : 0U), EPOLL_CTL_MOD);
    }
}

void sink::tell() {
    const int fd = accept4(control_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    char text[640];
    const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    const int size = std::snprintf(
        text, sizeof text,
        "{\"sessions\":%llu,\"messages\":%llu,\"octets\":%llu,\"refused\":%llu,\"turns\":%llu,"
        "\"received\":%llu,\"sent\":%llu,\"handshakes\":%llu,\"resumed\":%llu,\"cpu\":%.6f}\n",
        number(counts_.sessions), number(counts_.messages), number(counts_.octets), number(counts_.refused),
        number(counts_.turns), number(counts_.received), number(counts_.sent), number(counts_.handshakes),
        number(counts_.resumed), seconds(used.ru_utime) + seconds(used.ru_stime));
    if (::write(fd, text, static_cast<std::size_t>(size)) == size) {
        counts_ = {};
    }
    ::close(fd);
}

std::string_view value_of(int argc, char** argv, int& i) {
    if (i + 1 >= argc) {
        throw std::invalid_argument(std::string(argv[i]) + " needs a value");
    }
    return argv[++i];
}

settings parse(int argc, char** argv) {
    settings s;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--no-chunking") {
            s.offered.chunking = false;
        } else if (name == "--no-pipelining") {
            s.offered.pipelining = false;
        } else if (name == "--starttls") {
            s.offered.starttls = true;
        } else if (name == "--implicit-tls") {
            s.implicit_tls = true;
        } else if (name == "--address") {
            s.address = value_of(argc, argv, i);
        } else if (name == "--port") {
            s.port = static_cast<std::uint16_t>(std::atoi(value_of(argc, argv, i).data()));
        } else if (name == "--control") {
            s.control = value_of(argc, argv, i);
        } else if (name == "--certificate") {
            s.certificate = value_of(argc, argv, i);
        } else if (name == "--key") {
            s.key = value_of(argc, argv, i);
        } else if (name == "--echo") { // REQUEST:REPLY, octets
            const std::string sizes(value_of(argc, argv, i));
            s.offered.echo_request = std::strtoull(sizes.c_str(), nullptr, 10);
            s.offered.echo_reply =
                std::strtoull(sizes.c_str() + std::min(sizes.find(':') + 1, sizes.size()), nullptr, 10);
        } else {
            throw std::invalid_argument("unknown option: " + std::string(name));
        }
    }
    if ((s.offered.starttls || s.implicit_tls) && s.certificate.empty()) {
        throw std::invalid_argument("TLS needs --certificate and --key");
    }
    return s;
}

} // namespace

int main(int argc, char** argv) {
    try {
        signal(SIGPIPE, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, SIGTERM); // ends with whoever measures
        rlimit files{};
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        sink s(parse(argc, argv));
        std::printf("%u\n", s.port());
        std::fflush(stdout);
        s.run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "fast_sink: %s\n", e.what());
        return 1;
    }
}
