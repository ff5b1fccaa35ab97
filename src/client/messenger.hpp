// messenger.hpp - a queue of operations and the session they are done in.
//
// Everything happens on one strand. A failed session is dropped and made anew by the next operation that
// needs one; each operation gets its answer exactly once, whatever happens to the line. Messages at the head
// of the queue are handed to the engine together, as many as the window is wide; everything else is done
// alone.
#pragma once

#include "connection.hpp"
#include "connector.hpp"
#include "login.hpp"
#include "operation.hpp"
#include "settings.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace postrider::line {

class messenger : public std::enable_shared_from_this<messenger>, public connection::user {
  public:
    using shared_operation = std::shared_ptr<operation>;

    /// `implicit_strand`: the executor's context is one (see client_options). With `patient`, which must
    /// outlive it, it waits in the thread that calls run_here().
    messenger(boost::asio::any_io_executor executor, bool implicit_strand,
              std::shared_ptr<const settings> shared, breaker* patient = nullptr);
    messenger(const messenger&) = delete;
    messenger& operator=(const messenger&) = delete;
    virtual ~messenger() = default;

    /// Puts it into the queue, on this thread, which is the only one. Also while something is under way.
    void add_here(shared_operation op) { queue_.push_back(std::move(op)); }
    /// Begins with what is in the queue, at once, as far as it gets without the executor.
    void run_here() { begin(); }

    /// From any thread.
    const boost::asio::any_io_executor& executor() const { return executor_; }
    void start(shared_operation op);
    void cancel(std::weak_ptr<operation> op);
    /// Cancels everything, and drops the line without QUIT.
    void close();
    /// There may be something further() gives: it is asked, unless something is under way.
    void wake();

  protected:
    // For whoever has a queue of messages for several. On the strand, with nothing of ours locked.

    /// One more message, to be begun at once; null when there is none for this session.
    virtual shared_operation further() { return nullptr; }
    /// The operation gets its answer now. `s`: ok, or why the session failed.
    virtual void settled(operation& op, const status& s);
    /// Nothing is under way or queued, and further() gave nothing.
    virtual void at_rest() {}
    /// What is queued fails together when no session can be set up, instead of each trying again.
    virtual bool fails_together() const { return false; }
    /// All of it is about to be needed.
    void foresee() const override;
    /// There is a connection that is not known to be dead.
    bool has_line() const { return connection_ != nullptr; }

  private:
    enum class phase { idle, setting_up, sending, asking, quitting };

    bool arrive(shared_operation op);
    void take_arrivals();
    void begin();
    void need_session();
    void connect();
    void on_socket(connector::failure why, line_socket socket, std::chrono::steady_clock::time_point since);
    void run();
    connection::verdict judge(want w) override;
    void lend(session& to) override;
    void progress(stage at, const transaction* of, std::uint64_t octets) override;
    void done() override;
    void on_session();
    void note_session();
    void ask();
    void on_answer();
    void quit();
    void on_quit();

    void send();
    bool submit_more();
    bool submit_next();
    bool has_room_for(const operation& next) const;
    bool has_room() const;
    bool draw();
    connection::verdict judge_messages();
    void on_sent();
    void settle_completed();
    bool conclude(const shared_operation& op);
    bool may_repeat(const operation& op, const delivery::verdict& v) const;
    bool is_untouched() const;
    void note_trouble();
    void end_phase();
    void rest();

    bool try_again();
    void fail(const status& why);
    void finish(status s);
    status status_of(errc e) const;
    void finish(const shared_operation& op, const status& s);
    void cancel_here(const shared_operation& op);
    void cancel_submitted(const shared_operation& op);
    void close_here();
    void drop();

    operation& current() { return queue_.front(); }
    operation* operation_of(const transaction* t);

    boost::asio::any_io_executor executor_;
    strand strand_;
    std::shared_ptr<const settings> settings_;
    breaker* patient_;
    std::unique_ptr<login> login_; // null without credentials
    session_config config_;
    std::string misconfiguration_;

    std::mutex arrivals_mutex_;
    std::vector<shared_operation> arrivals_;

    phase phase_ = phase::idle;
    operations queue_;         // its head is what is being done, except for messages under way
    operations submitted_;     // messages the engine has, oldest first
    operations repeated_;      // to be queued again once the engine has none
    std::uint64_t octets_ = 0; // of those submitted
    unsigned width_ = 1;
    bool reports_ = false;        // some message wanted its progress told
    bool session_reused_ = false; // there was something before what is under way

    std::shared_ptr<connector> connector_;
    std::shared_ptr<connection> connection_;
    std::shared_ptr<connection_info> info_ = std::make_shared<connection_info>();
};

} // namespace postrider::line
