#include "connector.hpp"

#include "transport.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

// How long a patient one blocks its thread for an address: most servers answer by then, and whoever wants to
// end it waits no longer. After that Asio waits.
constexpr std::chrono::milliseconds patience{100};
constexpr std::chrono::milliseconds patience_beside_others{1};

std::chrono::microseconds since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

// An IPv4-mapped address is an IPv4 address, for the filter and for the socket.
asio::ip::address plain(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    }
    return address;
}

// The families take turns, in the resolver's order within each and beginning with its first (RFC 8305 4).
std::vector<asio::ip::address> interleaved(std::vector<asio::ip::address> addresses) {
    if (addresses.size() < 2) {
        return addresses;
    }
    std::vector<asio::ip::address> turns[2];
    for (const asio::ip::address& a : addresses) {
        turns[a.is_v6() == addresses.front().is_v6() ? 0 : 1].push_back(a);
    }
    std::vector<asio::ip::address> mixed;
    for (std::size_t i = 0; i < std::max(turns[0].size(), turns[1].size()); ++i) {
        for (const auto& turn : turns) {
            if (i < turn.size()) {
                mixed.push_back(turn[i]);
            }
        }
    }
    return mixed;
}

} // namespace

connector::connector(const strand& where, const client_options& options, host_name host,
                     connection_info& info, bool patient)
    : strand_(where), options_(options), host_(std::move(host)), info_(info), patient_(patient) {}

std::uint16_t connector::port() const {
    return options_.server.port != 0 ? options_.server.port : default_port(options_.server);
}

void connector::start(callback done) {
    const auto keep = shared_from_this(); // also when the end comes within
    done_ = std::move(done);
    begun_ = since_ = clock::now();
    if (!options_.server.unix_path.empty()) {
        sockaddr_un longest{};
        if (options_.server.unix_path.size() >= sizeof longest.sun_path) {
            fail(errc::bad_configuration,
                 "the path of the Unix socket is too long: " + options_.server.unix_path);
            return;
        }
        race({{asio::local::stream_protocol::endpoint(options_.server.unix_path),
               std::string("unix:").append(options_.server.unix_path)}});
    } else if (host_.is_address) {
        on_addresses({host_.text});
    } else {
        look_up();
    }
}

void connector::await_deadline() {
    if (deadline_) {
        return;
    }
    deadline_.emplace(strand_, begun_ + options_.connect_timeout);
    deadline_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) {
            self->fail(errc::timed_out, self->targets_.empty()
                                            ? self->host_.text + ": no answer to the look-up in time"
                                            : "no connection in time");
        }
    });
}

void connector::cancel() {
    done_ = nullptr;
    deadline_.reset();
    stagger_.reset();
    looked_up_.reset();
    resolution_.reset();
    for (attempt& a : running_) {
        a.socket.close();
    }
}

void connector::look_up() {
    try {
        resolution_ = resolution::start(host_.text, options_.resolver);
        const int copy = ::fcntl(resolution_->descriptor(), F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            throw std::system_error(errno, std::generic_category());
        }
        looked_up_.emplace(strand_, copy);
    } catch (const std::exception& e) {
        fail(errc::out_of_memory, std::string("cannot look up the host: ") + e.what());
        return;
    }
    await_look_up();
}

void connector::await_look_up() {
    await_deadline();
    looked_up_->async_wait(strand_descriptor::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                               if (!error && self->done_) {
                                   self->on_looked_up();
                               }
                           });
}

void connector::on_looked_up() {
    std::optional<resolution::answer> found = resolution_->take();
    if (!found) {
        await_look_up(); // Asio may wake for an event of the descriptor that had this number before
        return;
    }
    resolution::answer& answer = *found;
    info_.steps.push_back({"resolve", since(since_)});
    looked_up_.reset();
    if (answer.error != errc::ok) {
        fail(answer.error, std::move(answer.detail));
        return;
    }
    on_addresses(answer.addresses);
}

// Why an address is not to be connected to; empty when it is.
std::string connector::objection_to(const asio::ip::address& address) const {
    if (source_ && source_->is_v4() != address.is_v4()) {
        return " (not of the source address's family)";
    }
    const bool filtered = options_.address_filter && !options_.address_filter(address.to_string());
    return filtered ? " (filtered)" : "";
}

void connector::on_addresses(const std::vector<std::string>& texts) {
    boost::system::error_code error;
    if (!options_.source_address.empty()) {
        source_ = asio::ip::make_address(options_.source_address, error);
    }
    if (error) {
        fail(errc::bad_configuration, "not an IP address to connect from: " + options_.source_address);
        return;
    }
    std::vector<asio::ip::address> addresses;
    std::string left_out;
    for (const std::string& text : texts) {
        const asio::ip::address address = plain(asio::ip::make_address(text, error));
        const std::string objection = error ? " (no address)" : objection_to(address);
        if (objection.empty()) {
            addresses.push_back(address);
        } else {
            left_out.append(left_out.empty() ? "" : ", ").append(text).append(objection);
        }
    }
    if (addresses.empty()) {
        fail(errc::connection_failed, host_.text + " has no address that may be used: " + left_out);
        return;
    }
    race(targets_at(interleaved(std::move(addresses))));
}

std::vector<connector::target> connector::targets_at(const std::vector<asio::ip::address>& addresses) const {
    const std::string to_port = ":" + std::to_string(port());
    std::vector<target> targets;
    for (const asio::ip::address& address : addresses) {
        // What was given as an address is written as it is shown already.
        std::string text(address.is_v6() ? "[" : "");
        text.append(host_.is_address && address.is_v4() ? host_.text : address.to_string());
        text.append(address.is_v6() ? "]" : "").append(to_port);
        targets.push_back({asio::ip::tcp::endpoint(address, port()), std::move(text)});
    }
    return targets;
}

void connector::race(std::vector<target> targets) {
    targets_ = std::move(targets);
    since_ = clock::now();
    try_next();
}

// Starts the next attempt, and the timer for the one after it.
void connector::try_next() {
    if (!done_ || next_ == targets_.size()) {
        return;
    }
    const target& to = targets_[next_++];
    info_.attempts.push_back({to.text, errc::ok, "", {}});
    const auto a = running_.emplace(running_.end(), info_.attempts.size() - 1, to.endpoint);
    const int error = connect(*a);
    if (error == EINPROGRESS) {
        await(a);
    } else {
        on_connected(a, error);
    }
}

// Returns 0, EINPROGRESS or why it failed.
int connector::connect(attempt& a) const {
    const auto protocol = a.endpoint.protocol();
    const int how = protocol.type() | SOCK_CLOEXEC | (patient_ ? 0 : SOCK_NONBLOCK);
    const int descriptor = ::socket(protocol.family(), how, protocol.protocol());
    if (descriptor < 0) {
        return errno;
    }
    a.socket.take(descriptor);
    boost::system::error_code error;
    if (!patient_) {
        a.socket.let_wait(strand_, protocol, error);
    }
    if (error) {
        return error.value();
    }
    if (patient_) {
        bound_patience(descriptor);
    }
    const bool local = protocol.family() == AF_UNIX;
    if (!local && !set_options(descriptor)) {
        return errno;
    }
    int result = 0;
    do {
        result = ::connect(descriptor, a.endpoint.data(), static_cast<socklen_t>(a.endpoint.size()));
    } while (local && result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno == EINTR ? EINPROGRESS : errno; // TCP goes on by itself
}

// Of a Unix socket as well: its connect() waits while the server's queue is full.
void connector::bound_patience(int descriptor) const {
    const auto longest = running_.size() > 1       ? patience_beside_others
                         : next_ < targets_.size() ? std::min(patience, options_.connect_stagger)
                                                   : patience;
    const auto limit = std::max(std::chrono::milliseconds(1), std::min(longest, options_.connect_timeout));
    const timeval wait{0, static_cast<suseconds_t>(std::chrono::microseconds(limit).count())};
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

// False with errno.
bool connector::set_options(int descriptor) const {
    // Our writes are whole groups of commands; waiting for more would only wait for the peer's delayed ACK.
    const int on = 1;
    if (::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        return false;
    }
    if (options_.fast_open && options_.server.tls == tls_policy::implicit && targets_.size() == 1) {
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on,
                     sizeof on); // where the system allows it
    }
    if (!source_) {
        return true;
    }
    const asio::ip::tcp::endpoint from(*source_, 0);
    return ::bind(descriptor, from.data(), static_cast<socklen_t>(from.size())) == 0;
}

void connector::await(attempts::iterator a) {
    boost::system::error_code error;
    if (patient_) {
        a->socket.let_wait(strand_, a->endpoint.protocol(), error);
    }
    if (error) {
        on_connected(a, error.value());
        return;
    }
    a->socket.waited().async_wait(asio::socket_base::wait_write,
                                  [self = shared_from_this(), a](const boost::system::error_code& failed) {
                                      if (self->done_) {
                                          self->on_connected(a, failed ? failed.value()
                                                                       : a->socket.take_error());
                                      }
                                  });
    await_deadline();
    if (next_ == targets_.size()) {
        return;
    }
    stagger_.emplace(strand_, a->since + options_.connect_stagger);
    stagger_->async_wait([self = shared_from_this()](const boost::system::error_code& off) {
        if (!off) {
            self->try_next();
        }
    });
}

// `a` is connected or has failed.
void connector::on_connected(attempts::iterator a, int error) {
    if (error == 0) {
        info_.attempts[a->index].duration = since(a->since);
        info_.steps.push_back({"connect", since(since_)});
        info_.peer = info_.attempts[a->index].address;
        line_socket winner = std::move(a->socket);
        running_.erase(a);
        finish({}, std::move(winner));
        return;
    }
    record_failure(*a, errc_of_errno(error), text_of_errno(error));
    running_.erase(a);
    if (next_ < targets_.size()) {
        try_next();
    } else if (running_.empty()) {
        std::string detail;
        for (const connect_attempt& tried : info_.attempts) {
            detail += (detail.empty() ? "" : "; ") + tried.address + ": " + tried.detail;
        }
        fail(info_.attempts.back().error, detail);
    }
}

void connector::record_failure(const attempt& a, errc error, std::string detail) {
    connect_attempt& tried = info_.attempts[a.index];
    tried.error = error;
    tried.detail = std::move(detail);
    tried.duration = since(a.since);
}

void connector::fail(errc error, std::string detail) {
    if (!done_) {
        return; // a timer that had gone off before it was cancelled
    }
    for (const attempt& a : running_) {
        record_failure(a, error, detail);
    }
    finish({error, std::move(detail)}, line_socket());
}

void connector::finish(failure why, line_socket socket) {
    callback done = std::move(done_);
    for (const attempt& a : running_) { // the losers
        if (info_.attempts[a.index].error == errc::ok) {
            record_failure(a, errc::cancelled, "another address was faster");
        }
    }
    cancel();
    if (done) {
        done(std::move(why), std::move(socket));
    }
}

} // namespace postrider::line
