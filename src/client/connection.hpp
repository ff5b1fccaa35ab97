// connection.hpp - the Asio driver: one engine session over one connected socket.
//
// Socket calls are made directly and never block; Asio is asked only to wait, and to bring along what comes
// meanwhile. Cancelling is just no longer waiting, and the three rules of stream.hpp are plain to see in
// pump(). Reading goes on while a write is stuck, because both are waited for then.
#pragma once

#include "breaker.hpp"
#include "connector.hpp"
#include "dialogue.hpp"
#include "postrider/client.hpp"
#include "postrider/stream.hpp"
#include "recycled.hpp"
#include "settings.hpp"
#include "strand.hpp"
#include "transport.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postrider::line {

class connection : public std::enable_shared_from_this<connection> {
  public:
    enum class verdict {
        go_on,
        changed, ///< the session has something new to do: ask it again
        done,    ///< far enough
    };
    /// Whom the session is driven for, and how far.
    class user {
      public:
        /// Asked with what the session wants next.
        virtual verdict judge(want w) = 0;
        /// Lends the session the next part of the content.
        virtual void lend(session& to) = 0;
        /// Told of the stage, and of octets of content that were handed to the system, and of which
        /// transaction they are; null when nothing of that is known.
        virtual void progress(stage at, const transaction* of, std::uint64_t octets) = 0;
        /// The next is about to be called.
        virtual void foresee() const = 0;
        /// Called once: far enough, or the session is closed.
        virtual void done() = 0;

      protected:
        user() = default;
        user(const user&) = default;
        user& operator=(const user&) = default;
        ~user() = default; // never deleted through the base
    };

    /// The socket is connected. Settings, configuration and `patient` must outlive it. With `patient` it
    /// waits in the calling thread, and that is where others can reach it; else on the strand of the socket.
    connection(line_socket socket, const settings& shared, const session_config& config, breaker* patient,
               std::shared_ptr<connection_info> info);
    ~connection();

    /// TLS before the greeting, within `limit` from now.
    void begin_with_tls(std::chrono::milliseconds limit);
    /// Drives the session until the user has what it wants. One at a time.
    void run(std::shared_ptr<user> for_whom);
    /// The session has got something new to do, while it is driven.
    void resume();
    /// Breaks the session off; what is under way is settled by the engine's rule.
    void abort(errc why);
    /// Tells the peer, as far as that can be done at once, and closes the socket.
    void close();

    session& engine() { return session_; }
    bool is_closed() const { return session_.is_closed(); }
    /// Octets handed to the system since count_from_here(), or since run().
    std::uint64_t handed() const { return handed_; }
    void count_from_here() { handed_ = 0; }
    /// From now on the user is told which content was handed, and of the stage as while the session was set
    /// up.
    void tell_contents();
    const std::shared_ptr<connection_info>& info() const { return info_; }
    /// Why the session was closed, with the reply that decided it; holds the connection in any case.
    const status& failure() const { return failure_; }
    /// Nothing more of the set-up is of interest.
    void set_up();

  private:
    using clock = std::chrono::steady_clock;
    struct mark {
        std::size_t size;
        const transaction* content_of; // null: commands
    };

    struct outgoing_octets;
    struct incoming_octets;

    bool is_running() const { return user_ != nullptr; }
    enum class pumped { moved, stuck, through }; // the session; stuck until the line is ready
    void pump();
    pumped step();
    bool move(want w);
    bool handshake();
    bool start_tls();
    bool collect();
    bool collect_commands();
    bool collect_slice();
    void tell_stage();
    void note(std::size_t size, const transaction* content_of);
    bool flush();
    bool read();
    void count_handed();
    void read_all();
    void break_off(errc error, std::string detail);
    void note_failure() {
        if (!noted_ && session_.error() != errc::ok) {
            keep_failure();
        }
    }
    void keep_failure();
    bool has_output() const;
    bool is_due_to_listen() const;
    bool read_when_it_comes();
    void wait_here();
    void take_in(std::span<char> octets);
    void wait();
    void receive();
    void foresee() const;
    void on_received(const boost::system::error_code& error, std::size_t size);
    void wait_for(boost::asio::socket_base::wait_type what, bool& waiting);
    void wait_until(instant deadline);
    void stop_timer();
    void release_output();
    void finish();
    static instant now();

    // What each message needs stands together, from here ...
    std::shared_ptr<user> user_;
    session session_;
    std::unique_ptr<outgoing_octets> out_; // null when nothing waits to be written
    using early_octets = std::array<char, 512>;
    std::unique_ptr<early_octets, recycle<early_octets>>
        early_;               // what a wait brings; null while there is none
    std::vector<mark> marks_; // of what is collected and not yet handed, the first first_mark_ aside
    std::size_t first_mark_ = 0;
    std::uint64_t handed_ = 0;
    instant now_ = 0;
    instant heard_ = never; // the last read
    instant timer_set_ = never;
    std::uint64_t receive_limit_ = 0; // milliseconds, as the socket knows it; 0: none
    breaker* patient_;
    bool handshaking_ = false;
    bool implicit_tls_ = false;
    bool pumping_ = false;
    bool waiting_read_ = false;
    bool waiting_write_ = false;
    bool set_up_ = false;
    bool just_wrote_ = false;
    bool noted_ = false; // why the session failed
    bool tells_contents_ = false;
    const settings& settings_;
    line_socket socket_;
    transport transport_;
    std::shared_ptr<connection_info> info_;
    dialogue dialogue_;
    std::optional<strand_timer> timer_; // null until it is needed
    // ... to here.

    status failure_;
    clock::time_point tls_since_;
    instant handshake_deadline_ = never;
    // A reply's line has 512 octets (RFC 5321 4.5.3.1.5); lists of mechanisms have been seen to be longer.
    std::array<char, 704> reply_space_{};
};

} // namespace postrider::line
