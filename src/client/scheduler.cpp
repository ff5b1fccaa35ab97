#include "scheduler.hpp"

#include "identity.hpp"
#include "prefetch.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;
using state = pool_session::state;
using wish = request::wish;

// For the sessions that ask next: the message after the next one, and what the next one refers to.
void foresee_next(request::queue& waiting) {
    auto at = waiting.begin();
    if (at != waiting.end()) {
        at->mail->foresee_texts();
        if (++at != waiting.end()) {
            at->foresee();
        }
    }
}

// What ended a session says something about the server, or about the way there.
bool is_trouble(errc e) noexcept {
    switch (e) {
    case errc::ok:
    case errc::cancelled:
    case errc::content_unreadable:
    case errc::content_has_nul:
    case errc::bad_message:
    case errc::bad_configuration:
        return false;
    default:
        return true;
    }
}

} // namespace

// --- a session's reports ---

pool_session::pool_session(std::shared_ptr<scheduler> whose, std::shared_ptr<site> where)
    : messenger(whose->executor(), whose->has_implicit_strand(), where->settings), master(std::move(whose)),
      to(std::move(where)) {}

std::shared_ptr<operation> pool_session::further() {
    return master->further(*this, has_line());
}

void pool_session::foresee() const {
    prefetch(this, this + 1);
}

void pool_session::settled(operation& op, const status& s) {
    master->settled(*this, op, s);
}

void pool_session::at_rest() {
    master->at_rest(*this, has_line());
}

// --- destinations ---

scheduler::scheduler(asio::any_io_executor executor, pool_options options)
    : executor_(std::move(executor)), place_(executor_), options_(options), timer_(executor_) {}

std::shared_ptr<site> scheduler::at(client_options options) {
    const bool alone = has_functions(options);
    const std::string key = alone ? "" : destination_of(options);
    if (!alone) {
        const std::lock_guard lock(mutex_);
        if (const auto found = sites_.find(key); found != sites_.end()) {
            return found->second;
        }
    }
    // Reads files: not under the mutex.
    const auto how = std::make_shared<const settings>(std::move(options));
    std::vector<std::shared_ptr<site>> unused; // goes when the mutex is free
    std::shared_ptr<site> made;
    const std::lock_guard lock(mutex_);
    unused = sweep();
    if (const auto found = sites_.find(key); !alone && found != sites_.end()) {
        return found->second;
    }
    made = std::make_shared<site>(this, how, server_of(how->site));
    if (!alone) {
        sites_.emplace(key, made);
    }
    return made;
}

std::shared_ptr<served> scheduler::server_of(const std::string& name) {
    std::shared_ptr<served>& entry = servers_[name];
    if (!entry) {
        entry = std::make_shared<served>(options_.per_server);
    }
    return entry;
}

// Forgets what nobody uses, whenever there is twice as much as the last time: so it costs little and bounds
// what is kept.
std::vector<std::shared_ptr<site>> scheduler::sweep() {
    std::vector<std::shared_ptr<site>> unused;
    if (sites_.size() + servers_.size() < sweep_at_) {
        return unused;
    }
    const time_point now = clock::now();
    for (auto at = sites_.begin(); at != sites_.end();) {
        const bool used = at->second.use_count() > 1 || now < at->second->not_before;
        if (!used) {
            unused.push_back(std::move(at->second));
        }
        at = used ? std::next(at) : sites_.erase(at);
    }
    std::erase_if(servers_, [now, &unused](const auto& entry) {
        const served& s = *entry.second;
        const auto holders = std::count_if(unused.begin(), unused.end(),
                                           [&s](const auto& one) { return one->server.get() == &s; });
        return entry.second.use_count() == 1 + holders && !s.has_own_limits && s.pace.available(now) > 0;
    });
    sweep_at_ = std::max<std::size_t>(64, 2 * (sites_.size() + servers_.size()));
    return unused;
}

void scheduler::limit(const server& whom, server_limits limits) {
    const std::lock_guard lock(mutex_);
    const std::shared_ptr<served> at = server_of(site_of(whom));
    at->limit(limits);
    at->has_own_limits = true;
    while (!at->idle.empty() && at->connections - at->leaving > at->limits.connections) {
        leave(at->idle.front());
    }
    on_alarm(*at); // everything may be different now
    arm();
}

// --- requests ---

void scheduler::start(std::shared_ptr<request> r) {
    if (r->for_what != wish::drain && (!r->to || r->to->owner != this)) {
        status s;
        s.error = errc::bad_configuration;
        s.detail = r->to ? "the destination belongs to another pool" : "no destination was given";
        tell({{std::move(r), std::move(s)}});
        return;
    }
    if (r->mail && !r->mail->parse()) {
        tell({{std::move(r), {}}});
        return;
    }
    endings told;
    {
        const std::lock_guard lock(mutex_);
        const errc refused = refusal_of(*r);
        if (refused != errc::ok) {
            add(told, r, refused);
        } else if (r->for_what == wish::message) {
            enqueue(r);
        } else if (r->for_what == wish::room) {
            await_room(r, told);
        } else {
            drain(r, told);
        }
    }
    tell(std::move(told));
}

errc scheduler::refusal_of(const request& r) const {
    if (r.for_what == wish::drain) {
        return closed_ ? errc::cancelled : errc::ok;
    }
    if (draining_) {
        return errc::session_closed;
    }
    return r.for_what == wish::message && !has_room(*r.to->server) ? errc::queue_full : errc::ok;
}

bool scheduler::has_room(const served& at) const {
    return at.waiting < at.limits.queue && waiting_ < std::max<std::size_t>(1, options_.queue);
}

void scheduler::enqueue(const std::shared_ptr<request>& r) {
    site& s = *r->to;
    if (s.waiting.empty()) {
        s.server->hungry.push_back(s);
    }
    r->in = &s.waiting;
    s.waiting.push_back(r);
    ++s.server->waiting;
    ++waiting_;
    dispatch(s);
}

void scheduler::await_room(const std::shared_ptr<request>& r, endings& told) {
    served& at = *r->to->server;
    if (has_room(at)) {
        add(told, r, errc::ok);
        return;
    }
    if (at.rooms.empty()) {
        lacking_.push_back(at);
    }
    r->in = &at.rooms;
    at.rooms.push_back(r);
}

void scheduler::drain(const std::shared_ptr<request>& r, endings& told) {
    draining_ = true;
    r->in = &drains_;
    drains_.push_back(r);
    while (!lacking_.empty()) {
        add(told, take_room(lacking_.front().rooms.front()), errc::session_closed);
    }
    for (const auto& s : sessions_) {
        settle_down(*s->to);
    }
    look_for_the_end(told);
}

void scheduler::cancel(const std::weak_ptr<request>& which) {
    endings told;
    std::shared_ptr<pool_session> with;
    const std::shared_ptr<request> r = which.lock();
    if (!r) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (r->in == nullptr) {
            with = r->with.lock();
        } else if (r->for_what == wish::message) {
            add(told, take(*r, told), errc::cancelled);
            look_for_the_end(told);
        } else if (r->for_what == wish::room) {
            add(told, take_room(*r), errc::cancelled);
        } else {
            drains_.take(*r)->in = nullptr;
            add(told, r, errc::cancelled);
        }
    }
    tell(std::move(told));
    if (with) {
        with->cancel(r);
    }
}

void scheduler::close() {
    endings told;
    std::list<std::shared_ptr<pool_session>> sessions;
    {
        const std::lock_guard lock(mutex_);
        closed_ = draining_ = true;
        while (!lacking_.empty()) {
            add(told, take_room(lacking_.front().rooms.front()), errc::session_closed);
        }
        while (!sessions_.empty()) {
            sessions.push_back(sessions_.front()); // what holds it when it is removed
            remove(*sessions.back());
        }
        for (const auto& [name, at] : servers_) {
            while (!at->hungry.empty()) {
                add(told, take(at->hungry.front().waiting.front(), told), errc::cancelled);
            }
        }
        while (!drains_.empty()) {
            add(told, take_drain(), errc::cancelled);
        }
        look_for_the_end(told);
    }
    for (const auto& s : sessions) {
        s->close();
    }
    tell(std::move(told));
}

pool_counts scheduler::count() const {
    const std::lock_guard lock(mutex_);
    return {waiting_, under_way_, sessions_.size(), idle_.size()};
}

// --- answers ---

void scheduler::add(endings& all, const std::shared_ptr<request>& who, errc error) const {
    status s;
    s.error = error;
    all.push_back({who, std::move(s)});
}

void scheduler::tell(endings all) {
    for (ending& e : all) {
        if (e.who->mail && e.how.error != errc::ok) {
            e.who->mail->fail(e.how.error, e.how.at, e.how);
        }
        if (!e.how.connection) {
            e.how.connection = no_connection_;
        }
        operation::finish(e.who, e.how, e.who->to ? e.who->to->settings->mask : no_mask_, executor_);
    }
}

// --- the queue ---

// A message leaves the queue.
std::shared_ptr<request> scheduler::take(request& r, endings& told) {
    site& s = *r.to;
    std::shared_ptr<request> taken = s.waiting.take(r);
    r.in = nullptr;
    --s.server->waiting;
    --waiting_;
    if (s.waiting.empty()) {
        leave_lines(s);
        settle_down(s);
    }
    room_has_come(*s.server, told);
    return taken;
}

std::shared_ptr<request> scheduler::take_room(request& r) {
    served& at = *r.to->server;
    std::shared_ptr<request> taken = at.rooms.take(r);
    r.in = nullptr;
    if (at.rooms.empty()) {
        lacking_.erase(lacking_.iterator_to(at));
    }
    return taken;
}

std::shared_ptr<request> scheduler::take_drain() {
    std::shared_ptr<request> taken = drains_.take_front();
    taken->in = nullptr;
    return taken;
}

// One place in the queue has become free: one of those who wait for it is told, the servers taking turns.
// With an empty queue all are: one who was told before may not have used it.
void scheduler::room_has_come(served& at, endings& told) {
    const auto next =
        std::find_if(lacking_.begin(), lacking_.end(), [this](const served& s) { return has_room(s); });
    if (next != lacking_.end()) {
        served& lucky = *next;
        lacking_.splice(lacking_.end(), lacking_, next);
        tell_room(lucky, told);
    }
    while (at.waiting == 0 && !at.rooms.empty() && has_room(at)) {
        tell_room(at, told);
    }
    while (waiting_ == 0 && !lacking_.empty()) {
        tell_room(lacking_.front(), told);
    }
}

void scheduler::tell_room(served& at, endings& told) {
    add(told, take_room(at.rooms.front()), errc::ok);
}

// While draining: a session without a message to come is ended.
void scheduler::settle_down(site& s) {
    while (draining_ && s.waiting.empty() && !s.idle.empty()) {
        leave(s.idle.front());
    }
}

void scheduler::look_for_the_end(endings& told) {
    if (!sessions_.empty() || waiting_ > 0) {
        return;
    }
    for (auto& [when, at] : alarms_) {
        at->has_alarm = false;
    }
    alarms_.clear();
    timer_.cancel();
    timer_set_ = time_point::max();
    while (draining_ && !drains_.empty()) {
        add(told, take_drain(), errc::ok);
    }
}

// --- what sessions report ---

std::shared_ptr<operation> scheduler::further(pool_session& s, bool up) {
    endings told;
    std::shared_ptr<request> next;
    {
        const std::lock_guard lock(mutex_);
        next = draw(s, up, told);
    }
    tell(std::move(told));
    return next;
}

std::shared_ptr<request> scheduler::draw(pool_session& s, bool up, endings& told) {
    stop_expecting(s);
    site& from = *s.to;
    const bool may = up && (s.now == state::busy || s.now == state::idle);
    if (!may || from.waiting.empty() || must_leave(s)) {
        return nullptr;
    }
    pace& p = from.server->pace;
    if (p.is_limited()) {
        const time_point now = clock::now();
        if (p.available(now) == 0) {
            set_alarm(*from.server, p.next(now));
            return nullptr;
        }
        p.take(now);
    }
    stop_idling(s);
    s.now = state::busy;
    ++s.drawn;
    ++under_way_;
    std::shared_ptr<request> next = take(from.waiting.front(), told);
    foresee_next(from.waiting);
    next->with = *s.at;
    if (s.drawn == 1) {
        dispatch(from); // while this one was being set up, others may have waited for what becomes of it
    }
    return next;
}

void scheduler::settled(pool_session& s, const operation& op, const status& why) {
    endings told;
    {
        const std::lock_guard lock(mutex_);
        under_way_ -= op.what == operation::kind::send ? 1 : 0;
        if (s.now == state::gone) {
            return;
        }
        if (op.what == operation::kind::connect) {
            on_set_up(s, why, told);
        } else if (op.what == operation::kind::send) {
            note_trouble(*s.to, why.error);
        }
    }
    tell(std::move(told));
}

// When the last attempt has failed and no session is up, nobody can say when a message would get through: all
// that wait share the answer. A wrong option will be as wrong the next time.
void scheduler::on_set_up(pool_session& s, const status& why, endings& told) {
    site& to = *s.to;
    --to.setting_up;
    if (why.ok()) {
        s.now = state::busy;
        s.was_up = true;
        ++to.up;
        to.failures = to.failures > 0 && clock::now() >= to.not_before ? 0 : to.failures;
        return;
    }
    s.now = state::failed;
    note_trouble(to, why.error);
    const bool hopeless = why.error == errc::bad_configuration || (to.up == 0 && to.setting_up == 0);
    while (hopeless && !to.waiting.empty()) {
        std::shared_ptr<request> r = take(to.waiting.front(), told);
        told.push_back({std::move(r), why});
    }
}

// What goes wrong during a back-off belongs to the trouble that it is for.
void scheduler::note_trouble(site& s, errc error) {
    const time_point now = clock::now();
    if (!is_trouble(error) || now < s.not_before) {
        return;
    }
    const auto doubled = options_.back_off * (1ULL << std::min(s.failures, 20U));
    s.not_before = now + std::min<std::chrono::milliseconds>(doubled, options_.longest_back_off);
    ++s.failures;
}

void scheduler::at_rest(pool_session& s, bool up) {
    endings told;
    {
        const std::lock_guard lock(mutex_);
        if (s.now == state::gone || (s.now == state::leaving && up)) {
            return; // closed; or it has not come to its QUIT yet
        }
        stop_expecting(s);
        site& to = *s.to;
        if (!up) {
            remove(s);
            dispatch(to);
        } else if ((draining_ && to.waiting.empty()) || must_leave(s)) {
            leave(s);
        } else {
            make_idle(s);
            dispatch(to);
        }
        look_for_the_end(told);
    }
    tell(std::move(told));
}

void scheduler::on_timer() {
    const std::lock_guard lock(mutex_);
    timer_set_ = time_point::max();
    const time_point now = clock::now();
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
        const std::shared_ptr<served> at = alarms_.begin()->second;
        at->has_alarm = false;
        alarms_.erase(alarms_.begin());
        on_alarm(*at);
    }
    arm();
}

} // namespace postrider::line
