// pool_state.hpp - what a pool knows of servers, destinations and sessions. All of it is guarded by the
// scheduler's mutex, except what a session inherits.
#pragma once

#include "messenger.hpp"
#include "operation.hpp"
#include "pace.hpp"
#include "postrider/pool.hpp"
#include "settings.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace postrider::line {

struct served;
struct site;
class pool_session;
class scheduler;

using time_point = std::chrono::steady_clock::time_point;
using alarms = std::multimap<time_point, std::shared_ptr<served>>;

/// What somebody asked a pool for: a message sent, to be told of room, or of the end.
struct request : operation {
    enum class wish { message, room, drain };
    using queue = shared_list<request>;

    request(wish w, std::shared_ptr<line::site> where)
        : operation(w == wish::message ? kind::send : kind::connect), for_what(w), to(std::move(where)) {}

    const wish for_what;
    const std::shared_ptr<line::site> to; ///< null with `drain`
    queue* in = nullptr;                  ///< where it waits
    std::weak_ptr<pool_session> with;     ///< who has it
};

template <class Tag>
using list_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>>;
template <class T, class Tag>
using list_by = boost::intrusive::list<T, boost::intrusive::base_hook<list_hook<Tag>>>;

struct idle_at_site;
struct idle_at_server;
struct idle_in_pool;
struct hungry_at_server;
struct in_line_at_server;
struct in_line_in_pool;
struct lacks_room;

/// One of a pool's sessions.
class pool_session final : public messenger,
                           public list_hook<idle_at_site>,
                           public list_hook<idle_at_server>,
                           public list_hook<idle_in_pool> {
  public:
    enum class state : std::uint8_t {
        setting_up,
        failed, ///< to be set up
        woken,  ///< to draw a message
        busy,
        idle,
        leaving, ///< QUIT
        gone,
    };

    pool_session(std::shared_ptr<scheduler> master, std::shared_ptr<site> to);

    const std::shared_ptr<scheduler> master;
    const std::shared_ptr<site> to;
    std::list<std::shared_ptr<pool_session>>::iterator at;
    time_point idle_since{};
    std::uint64_t drawn = 0; ///< messages so far
    state now = state::setting_up;
    bool was_up = false;

  private:
    shared_operation further() override;
    void settled(operation& op, const status& s) override;
    void at_rest() override;
    bool fails_together() const override { return true; }
    void foresee() const override;
};

/// A destination: whoever talks to one server in one way.
struct site : list_hook<hungry_at_server>, list_hook<in_line_at_server> {
    site(const scheduler* whose, std::shared_ptr<const line::settings> how, std::shared_ptr<served> where)
        : owner(whose), settings(std::move(how)), server(std::move(where)) {}

    const scheduler* const owner; ///< only to be compared
    const std::shared_ptr<const line::settings> settings;
    const std::shared_ptr<served> server;

    request::queue waiting;
    list_by<pool_session, idle_at_site> idle; ///< the one used last at the back
    unsigned sessions = 0;
    unsigned up = 0; ///< of those, have been
    unsigned setting_up = 0;
    unsigned woken = 0;

    unsigned failures = 0; ///< in a row
    time_point not_before{};
};

/// A server: what its destinations have to share.
struct served : list_hook<in_line_in_pool>, list_hook<lacks_room>, std::enable_shared_from_this<served> {
    explicit served(server_limits l) { limit(l); }
    void limit(server_limits l) {
        limits = l;
        limits.connections = std::max(1U, l.connections);
        limits.queue = std::max<std::size_t>(1, l.queue);
        pace.set(l.messages_per_second);
    }

    server_limits limits;
    bool has_own_limits = false;
    line::pace pace;
    unsigned connections = 0;
    unsigned leaving = 0;
    unsigned woken = 0;
    std::size_t waiting = 0;
    list_by<site, hungry_at_server> hungry;     ///< those with messages that wait
    list_by<site, in_line_at_server> line;      ///< those that want one more session
    list_by<pool_session, idle_at_server> idle; ///< the one idle for longest in front
    request::queue rooms;
    bool has_alarm = false;
    alarms::iterator alarm;
};

} // namespace postrider::line
