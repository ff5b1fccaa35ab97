// scheduler.hpp - a pool's queue, and who gets the next connection.
//
// Messages wait at their destination, not at a session: a session asks for one when it has room for it, on
// its own strand, so a slow one holds up nothing but what it has. A destination with more messages than
// sessions on their way to it wants a place. Places are given in turn: servers stand in one line for those
// the pool has, destinations of a server in another for those the server may have. Where places are scarce an
// idle session elsewhere gives way at once, and a busy one after a turn of some messages, if whoever stands
// in line has less.
//
// One mutex guards all of it. It is held for a few list operations at a time; nothing that belongs to
// somebody else runs or is destroyed under it.
#pragma once

#include "pool_state.hpp"

#include <boost/asio/steady_timer.hpp>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace postrider::line {

class scheduler : public std::enable_shared_from_this<scheduler> {
  public:
    scheduler(boost::asio::any_io_executor executor, pool_options options);

    // --- for those who use the pool ---
    const boost::asio::any_io_executor& executor() const { return executor_; }
    bool has_implicit_strand() const { return options_.implicit_strand; }
    const boost::asio::any_completion_executor& place() const { return place_; }
    std::shared_ptr<site> at(client_options options);
    void limit(const server& whom, server_limits limits);
    void start(std::shared_ptr<request> r);
    void cancel(const std::weak_ptr<request>& which);
    void close();
    pool_counts count() const;

    // --- for its sessions, on their strands; `up`: they have a line ---
    std::shared_ptr<operation> further(pool_session& s, bool up);
    void settled(pool_session& s, const operation& op, const status& why);
    void at_rest(pool_session& s, bool up);

  private:
    struct ending {
        std::shared_ptr<request> who;
        status how;
    };
    // Collected under the mutex, and told when it is free.
    using endings = std::vector<ending>;
    void tell(endings all);
    void add(endings& all, const std::shared_ptr<request>& who, errc error) const;

    // the queue (scheduler.cpp)
    std::shared_ptr<served> server_of(const std::string& name);
    std::vector<std::shared_ptr<site>> sweep();
    errc refusal_of(const request& r) const;
    bool has_room(const served& at) const;
    void enqueue(const std::shared_ptr<request>& r);
    void await_room(const std::shared_ptr<request>& r, endings& told);
    void drain(const std::shared_ptr<request>& r, endings& told);
    std::shared_ptr<request> take(request& r, endings& told);
    std::shared_ptr<request> take_room(request& r);
    std::shared_ptr<request> take_drain();
    void room_has_come(served& at, endings& told);
    void tell_room(served& at, endings& told);
    void settle_down(site& s);
    void look_for_the_end(endings& told);
    std::shared_ptr<request> draw(pool_session& s, bool up, endings& told);
    void on_set_up(pool_session& s, const status& why, endings& told);
    void note_trouble(site& s, errc error);
    void on_timer();

    // who gets a connection (scheduler_places.cpp)
    void dispatch(site& s);
    bool may_connect(const site& s, time_point now) const;
    bool wants_place(const site& s) const;
    void want_place(site& s);
    void stand_in_line(served& at);
    void grant();
    void open(site& s);
    bool must_leave(const pool_session& s);
    bool must_yield(const pool_session& s);
    void wake(pool_session& s);
    void make_idle(pool_session& s);
    void stop_idling(pool_session& s);
    void stop_expecting(pool_session& s);
    void leave(pool_session& s);
    void remove(pool_session& s);
    void leave_lines(site& s);
    void set_alarm(served& at, time_point when);
    void on_alarm(served& at);
    void arm();

    const boost::asio::any_io_executor executor_;
    const boost::asio::any_completion_executor place_;
    const pool_options options_;
    const std::shared_ptr<connection_info> no_connection_ = std::make_shared<connection_info>();
    const mask no_mask_{std::nullopt};

    mutable std::mutex mutex_;
    bool draining_ = false;
    bool closed_ = false;
    std::size_t waiting_ = 0;
    std::size_t under_way_ = 0;
    std::list<std::shared_ptr<pool_session>> sessions_;
    unsigned leaving_ = 0;
    list_by<pool_session, idle_in_pool> idle_; // the one idle for longest in front
    list_by<served, in_line_in_pool> line_;    // those with destinations in line, and a place for them
    list_by<served, lacks_room> lacking_;      // those with requests for room
    request::queue drains_;
    std::unordered_map<std::string, std::shared_ptr<site>> sites_;
    std::unordered_map<std::string, std::shared_ptr<served>> servers_;
    std::size_t sweep_at_ = 64;

    alarms alarms_;
    boost::asio::steady_timer timer_;
    time_point timer_set_ = time_point::max();
};

} // namespace postrider::line
