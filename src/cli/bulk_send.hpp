// bulk_send.hpp - sends a list of messages through a pool, a few at a time, and keeps the journal right.
//
// Everything runs on one thread. Messages are taken from the list when there is room for them, admitted to
// the journal in batches, and handed to the pool, whose sessions draw them in turn. The list is never held:
// memory does not grow with it, except by the keys of the messages while there is a journal.
//
// A refused message is one message's trouble. When no session can be set up and none is left, or lines break
// in a row and nothing is delivered in between, it is the server's: nothing more begins, and what has not
// begun stays not tried. One session goes first; the others follow when it is about to send. So a wrong
// password is shown once, not by every session, and locks no account.
#pragma once

#include "bulk_report.hpp"
#include "bulk_source.hpp"
#include "journal.hpp"
#include "postrider/pool.hpp"
#include "tally.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace postrider::cli {

class bulk_sender {
  public:
    /// All references outlive it. `kept` may be null.
    bulk_sender(const send_choice& chosen, client_options options, bulk_source& list, journal* kept,
                bulk_report& report, std::uint64_t count);

    /// Sends, reports, and returns the exit code. Throws command_error when journal or output cannot be
    /// written.
    int run();

  private:
    // A message on its way.
    struct job {
        std::string name;
        message_key key;
        prepared_mail mail; // to those who shall get it now
        std::vector<addressee> everybody;
        std::vector<recipient_outcome> earlier; // what earlier runs know
        boost::asio::cancellation_signal cancel;
        bool begun = false;
        int tries = 0;
    };
    using shared_job = std::shared_ptr<job>;

    void pump();
    void pump_soon();
    void guarded_pump();
    bool has_room(std::size_t taken) const;
    bool take(std::vector<shared_job>& into);
    shared_job make_job(const bulk_item& item);
    message_key key_of(const bulk_item& item);
    bool choose_recipients(job& one) const;
    void skip(const job& one);
    void submit(const shared_job& one);
    result<content> begin(const shared_job& one, std::string& why);
    void widen();
    void on_sent(const shared_job& one, send_result result);
    bool goes_again(const job& one, const send_result& result) const;
    void put_back(const shared_job& one, bool for_good);
    void settle(const job& one, send_result result);
    bool note_line(const send_result& result);
    send_result with_earlier(const job& one, send_result result) const;

    void stop();
    void fail(const command_error& error);
    void interrupt();
    void close_after(std::chrono::seconds time);
    void end_if_idle();
    int finish();

    const send_choice& chosen_;
    bulk_source& list_;
    journal* journal_;
    bulk_report& report_;
    tally tally_;
    std::string salt_;

    std::size_t limit_;
    boost::asio::io_context context_{1};
    server_limits limits_; // once a session is up
    server server_;
    pool pool_;
    destination there_;
    bool wide_ = false;
    boost::asio::steady_timer patience_{context_};
    std::uint64_t octets_ = 0; // of content, taken and not settled
    std::unordered_set<shared_job> under_way_;
    std::deque<shared_job> again_;
    boost::unordered_flat_map<message_key, std::uint32_t, message_key_hash> seen_;
    bool more_ = true;
    bool pump_due_ = false;
    bool stopping_ = false;
    bool interrupted_ = false;
    bool quitting_ = false;

    std::shared_ptr<const connection_info> line_;                // the latest
    std::vector<std::shared_ptr<const connection_info>> broken_; // lines in a row
    std::optional<send_result> fatal_;
    std::optional<command_error> error_;
};

} // namespace postrider::cli
