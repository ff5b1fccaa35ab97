// connector.hpp - from the name of a server to a connected socket: look-up, filter, and the race of RFC 8305.
#pragma once

#include "host_name.hpp"
#include "line_socket.hpp"
#include "postrider/client.hpp"
#include "resolution.hpp"
#include "strand.hpp"

#include <boost/asio/ip/address.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postrider::line {

/// One attempt to reach the server. All calls and callbacks on the strand; the callback may come within
/// start().
class connector : public std::enable_shared_from_this<connector> {
  public:
    struct failure {
        errc error = errc::ok;
        std::string detail;
    };
    /// The socket is open when failure::error is ok.
    using callback = std::function<void(failure, line_socket)>;

    /// The options and `info`, which gets attempts and durations, must outlive it or the call of cancel().
    /// `patient`: may block the calling thread for a moment, and need not give a socket that Asio knows.
    connector(const strand& where, const client_options& options, host_name host, connection_info& info,
              bool patient);

    /// `done` is called once, unless cancel() comes first.
    void start(callback done);
    /// Drops everything under way; `done` will not be called.
    void cancel();

  private:
    using clock = std::chrono::steady_clock;
    struct target {
        stream_endpoint endpoint;
        std::string text; // "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path"
    };
    struct attempt {
        attempt(std::size_t entry, const stream_endpoint& to) : index(entry), endpoint(to) {}
        line_socket socket;
        std::size_t index; // in connection_info::attempts
        stream_endpoint endpoint;
        clock::time_point since = clock::now();
    };
    using attempts = std::list<attempt>;

    void look_up();
    void await_look_up();
    void on_looked_up();
    void on_addresses(const std::vector<std::string>& texts);
    std::string objection_to(const boost::asio::ip::address& address) const;
    std::vector<target> targets_at(const std::vector<boost::asio::ip::address>& addresses) const;
    void race(std::vector<target> targets);
    void try_next();
    int connect(attempt& a) const;
    void bound_patience(int descriptor) const;
    bool set_options(int descriptor) const;
    void await(attempts::iterator a);
    void await_deadline();
    void on_connected(attempts::iterator a, int error);
    void record_failure(const attempt& a, errc error, std::string detail);
    void finish(failure why, line_socket socket);
    void fail(errc error, std::string detail);
    std::uint16_t port() const;

    strand strand_;
    const client_options& options_;
    host_name host_;
    connection_info& info_;
    const bool patient_;
    callback done_;
    std::optional<boost::asio::ip::address> source_; // to connect from
    // What is waited for, while it is.
    std::shared_ptr<resolution> resolution_;
    std::optional<strand_descriptor> looked_up_;
    std::optional<strand_timer> deadline_;
    std::optional<strand_timer> stagger_;
    std::vector<target> targets_;
    std::size_t next_ = 0;
    attempts running_;
    clock::time_point begun_; // the whole
    clock::time_point since_; // the step
};

} // namespace postrider::line
