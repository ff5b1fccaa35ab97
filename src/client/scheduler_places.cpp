// Who gets a connection, who gives one up, and when to look again.
#include "scheduler.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;
using state = pool_session::state;

// A session that others wait for the place of sends so many messages first: setting one up costs as much as a
// few of them.
constexpr std::uint64_t turn = 10;

// Worth giving up a place for: afterwards the two differ by less than before.
bool is_poorer(unsigned waiting, unsigned having) noexcept {
    return waiting == 0 || waiting + 1 < having;
}

// For an operation of which the scheduler hears otherwise.
void nobody_asks(void*, std::size_t, status&&) {}

} // namespace

// Wakes as many idle sessions as there are messages, and asks for more when there are none.
void scheduler::dispatch(site& s) {
    served& at = *s.server;
    while (s.waiting.size() > s.setting_up + s.woken) {
        if (at.pace.is_limited()) {
            const time_point now = clock::now();
            if (at.pace.available(now) <= at.woken) {
                set_alarm(at, at.pace.next(now, at.woken));
                return;
            }
        }
        if (s.idle.empty()) {
            want_place(s);
            return;
        }
        wake(s.idle.back());
    }
}

bool scheduler::may_connect(const site& s, time_point now) const {
    // After trouble one attempt says enough.
    return s.failures == 0 || (now >= s.not_before && s.setting_up == 0);
}

bool scheduler::wants_place(const site& s) const {
    const std::size_t expected = s.setting_up + s.woken;
    if (s.waiting.size() <= expected || !s.idle.empty()) {
        return false;
    }
    const pace& p = s.server->pace;
    const time_point now = p.is_limited() || s.failures > 0 ? clock::now() : time_point{};
    return may_connect(s, now) && p.available(now) > expected;
}

void scheduler::want_place(site& s) {
    served& at = *s.server;
    if (s.failures > 0 && clock::now() < s.not_before) {
        set_alarm(at, s.not_before);
    }
    if (wants_place(s) && !s.list_hook<in_line_at_server>::is_linked()) {
        at.line.push_back(s);
    }
    stand_in_line(at);
    grant();
}

void scheduler::stand_in_line(served& at) {
    if (at.line.empty() || at.list_hook<in_line_in_pool>::is_linked()) {
        return;
    }
    if (at.connections < at.limits.connections) {
        line_.push_back(at);
    } else if (at.leaving < at.line.size() && !at.idle.empty()) {
        leave(at.idle.front());
    }
}

// Each server in line gets one place, and stands at the end again if it wants another; the same for the
// destinations of a server.
void scheduler::grant() {
    while (!closed_ && sessions_.size() < std::max(1U, options_.connections) && !line_.empty()) {
        served& at = line_.front();
        line_.pop_front();
        site& s = at.line.front();
        at.line.pop_front();
        if (wants_place(s)) {
            open(s);
        }
        if (wants_place(s)) {
            at.line.push_back(s);
        }
        stand_in_line(at);
    }
    while (leaving_ < line_.size() && !idle_.empty()) {
        leave(idle_.front());
    }
}

void scheduler::open(site& s) {
    const auto one = std::make_shared<pool_session>(shared_from_this(), s.waiting.front().to);
    one->at = sessions_.insert(sessions_.end(), one);
    ++s.sessions;
    ++s.setting_up;
    ++s.server->connections;
    const auto op = operation::plain(operation::kind::connect);
    op->receiver_for<status>().at_once = nobody_asks; // settled() hears of it
    one->add_here(op);                                // nobody else knows of the session yet
    one->messenger::wake();
}

bool scheduler::must_leave(const pool_session& s) {
    const served& at = *s.to->server;
    const std::uint64_t most = at.limits.messages_per_connection;
    const bool spent = most > 0 && s.drawn >= most;
    return spent || at.connections - at.leaving > at.limits.connections || must_yield(s);
}

bool scheduler::must_yield(const pool_session& s) {
    site& own = *s.to;
    served& at = *own.server;
    if (s.drawn < turn) {
        return false;
    }
    if (at.connections >= at.limits.connections && at.leaving < at.line.size()) {
        const bool found = std::any_of(at.line.begin(), at.line.end(), [&own](const site& other) {
            return &other != &own && is_poorer(other.sessions, own.sessions);
        });
        if (found && own.list_hook<in_line_at_server>::is_linked()) {
            at.line.splice(at.line.end(), at.line, at.line.iterator_to(own));
        }
        if (found) {
            return true;
        }
    }
    if (sessions_.size() < options_.connections || leaving_ >= line_.size()) {
        return false;
    }
    const bool found = std::any_of(line_.begin(), line_.end(), [&at](const served& other) {
        return &other != &at && is_poorer(other.connections, at.connections);
    });
    if (found && at.list_hook<in_line_in_pool>::is_linked()) {
        line_.splice(line_.end(), line_, line_.iterator_to(at));
    }
    return found;
}

// --- one session ---

void scheduler::wake(pool_session& s) {
    stop_idling(s);
    s.now = state::woken;
    ++s.to->woken;
    ++s.to->server->woken;
    s.messenger::wake();
}

void scheduler::make_idle(pool_session& s) {
    if (s.now == state::idle) {
        return;
    }
    served& at = *s.to->server;
    s.now = state::idle;
    s.idle_since = clock::now();
    s.to->idle.push_back(s);
    at.idle.push_back(s);
    idle_.push_back(s);
    set_alarm(at, s.idle_since + at.limits.idle);
}

void scheduler::stop_idling(pool_session& s) {
    if (s.now != state::idle) {
        return;
    }
    s.now = state::busy;
    s.to->idle.erase(s.to->idle.iterator_to(s));
    s.to->server->idle.erase(s.to->server->idle.iterator_to(s));
    idle_.erase(idle_.iterator_to(s));
}

void scheduler::stop_expecting(pool_session& s) {
    if (s.now == state::woken) {
        s.now = state::busy;
        --s.to->woken;
        --s.to->server->woken;
    }
}

void scheduler::leave(pool_session& s) {
    stop_idling(s);
    s.now = state::leaving;
    ++s.to->server->leaving;
    ++leaving_;
    const auto op = operation::plain(operation::kind::quit);
    op->receiver_for<status>().at_once = nobody_asks; // at_rest() hears of it
    // Later: what it does at once would come back here, and the mutex is held.
    asio::post(executor_, [leaving = *s.at, op] { leaving->start(op); });
}

// The session is gone, and its place free. Whoever calls holds it.
void scheduler::remove(pool_session& s) {
    site& to = *s.to;
    served& at = *to.server;
    stop_idling(s);
    stop_expecting(s);
    to.setting_up -= s.now == state::setting_up ? 1 : 0;
    at.leaving -= s.now == state::leaving ? 1 : 0;
    leaving_ -= s.now == state::leaving ? 1 : 0;
    to.up -= s.was_up ? 1 : 0;
    --to.sessions;
    --at.connections;
    s.now = state::gone;
    sessions_.erase(s.at);
    stand_in_line(at);
    grant();
}

void scheduler::leave_lines(site& s) {
    served& at = *s.server;
    at.hungry.erase(at.hungry.iterator_to(s));
    if (s.list_hook<in_line_at_server>::is_linked()) {
        at.line.erase(at.line.iterator_to(s));
    }
    if (at.line.empty() && at.list_hook<in_line_in_pool>::is_linked()) {
        line_.erase(line_.iterator_to(at));
    }
}

// --- time ---

// One alarm for each server, at the earliest of what it has to be looked at for. Being early costs a look.
void scheduler::set_alarm(served& at, time_point when) {
    if (at.has_alarm && at.alarm->first <= when) {
        return;
    }
    if (at.has_alarm) {
        auto moved = alarms_.extract(at.alarm);
        moved.key() = when;
        at.alarm = alarms_.insert(std::move(moved));
    } else {
        at.alarm = alarms_.emplace(when, at.shared_from_this());
        at.has_alarm = true;
    }
    arm();
}

void scheduler::on_alarm(served& at) {
    const time_point now = clock::now();
    while (!at.idle.empty() && at.idle.front().idle_since + at.limits.idle <= now) {
        leave(at.idle.front());
    }
    if (!at.idle.empty()) {
        set_alarm(at, at.idle.front().idle_since + at.limits.idle);
    }
    for (site& s : at.hungry) {
        dispatch(s);
    }
    if (!at.hungry.empty()) { // another one is first the next time
        at.hungry.splice(at.hungry.end(), at.hungry, at.hungry.begin());
    }
}

// The timer is set anew only when it would go off too late.
void scheduler::arm() {
    if (alarms_.empty() || alarms_.begin()->first >= timer_set_) {
        return;
    }
    timer_set_ = alarms_.begin()->first;
    timer_.expires_at(timer_set_);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) {
            self->on_timer();
        }
    });
}

} // namespace postrider::line
