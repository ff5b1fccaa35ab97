#include "player.hpp"

#include <algorithm>

namespace wire {

using namespace postrider;

stage_set::stage_set(const script& s) : text(s), config(s.config), reply_space(s.reply_space) {
    make_mechanisms();
    config.client_name = s.client_name;
    config.mechanisms = mechanisms;
    recipients.resize(s.messages.size());
    texts.resize(s.messages.size());
    transactions.resize(s.messages.size());
    for (std::size_t i = 0; i < s.messages.size(); ++i) {
        make_transaction(s.messages[i], i);
    }
    session = std::make_unique<postrider::session>(config, reply_space);
}

void stage_set::make_mechanisms() {
    plain.reserve(text.logins.size());
    login.reserve(text.logins.size());
    for (const credentials& c : text.logins) {
        if (c.mechanism == "PLAIN") {
            plain.emplace_back(c.user, c.password);
            mechanisms.push_back(&plain.back());
        } else {
            login.emplace_back(c.user, c.password);
            mechanisms.push_back(&login.back());
        }
    }
}

void stage_set::make_transaction(const message_setting& m, std::size_t index) {
    transaction& t = transactions[index];
    const result<reverse_path> from = reverse_path::parse(m.from);
    bad_address_ = from ? bad_address_ : from.error();
    t.from = from.value_or(reverse_path{});
    texts[index].resize(m.recipients.size());
    for (std::size_t i = 0; i < m.recipients.size(); ++i) {
        const recipient_setting& r = m.recipients[i];
        result<forward_path> path = forward_path::parse(r.address);
        if (r.lenient) {
            const result<mailbox> box = mailbox::parse_lenient(r.address);
            path = box ? result<forward_path>{forward_path{*box}} : box.error();
        }
        bad_address_ = path ? bad_address_ : path.error();
        recipients[index].emplace_back(path.value_or(forward_path{}));
        recipients[index].back().notify = r.notify;
        recipients[index].back().original = r.original;
        recipients[index].back().text_space = texts[index][i];
    }
    t.recipients = recipients[index];
    const bool first_at_hand = !m.parts.empty() && !m.streamed;
    t.content = first_at_hand ? std::string_view{m.parts[0]} : std::string_view{};
    t.more_content = m.streamed || m.parts.size() > 1 || m.unreadable != errc::ok;
    t.body = m.body;
    t.smtputf8 = m.smtputf8;
    t.canonical = m.canonical;
    t.all_or_nothing = m.all_or_nothing;
    t.probe = m.probe;
    t.ret = m.ret;
    t.priority = m.priority;
    t.envelope_id = m.envelope_id;
    t.size = m.size;
}

player::player(const script& s, pace p)
    : script_(s), pace_(p), set_(s), audit_(s.config.protocol == protocol::lmtp),
      parts_lent_(s.messages.size(), 0) {
    for (std::size_t i = 0; i < s.messages.size(); ++i) {
        parts_lent_[i] = s.messages[i].streamed || s.messages[i].parts.empty() ? 0 : 1;
        seen_.insert(seen_.end(), s.messages[i].recipients.size(), disposition::pending);
    }
    if (set_.bad_address() != errc::ok) {
        problem("an address of the script does not parse");
    }
    if (s.config.tls == tls_policy::implicit) {
        session().tls_started(s.verified);
    }
    submit();
    if (s.quit_early) {
        session().quit();
    }
}

void player::problem(const std::string& text) {
    if (problems_.size() < 5) {
        problems_.push_back(where() + ": " + text);
    }
}

std::string player::where() const {
    const step* s = current();
    return script_.name + (s == nullptr ? " (end)" : ":" + std::to_string(s->line)) + " at octet " +
           std::to_string(position_);
}

const step* player::current() const {
    return step_ < script_.steps.size() ? &script_.steps[step_] : nullptr;
}

void player::advance(std::size_t size) {
    position_ += size;
    offset_ += size;
    const step* s = current();
    if (offset_ >= std::max<std::size_t>(s->octets.size(), 1)) {
        const step::kind was = s->what;
        ++step_;
        offset_ = 0;
        s = current();
        if (s == nullptr || s->what != was || was != step::kind::server) {
            group_begun_ = false;
        }
    }
}

bool player::between_server_lines() const {
    return audit_.server_between_replies();
}

bool player::only_quit_left() const {
    const step* s = current();
    if (s == nullptr || audit_.only_quit_owed()) {
        return true;
    }
    const bool taken = !untold_.empty() && std::string_view{"QUIT\r\n"}.starts_with(untold_);
    return taken || (untold_.empty() && s->octets == "QUIT\r\n");
}

void player::play(std::size_t limit) {
    while (position_ < limit && problems_.empty() && turn(limit)) {
    }
}

// One wish of the session. False when the dialogue is over.
bool player::turn(std::size_t limit) {
    const std::size_t begun = task_;
    const want w = session().next(now);
    observe();
    if (++idle_turns_ > 2000) {
        problem("the session asks for the same again and again");
        return false;
    }
    switch (w) {
    case want::closed:
        if (current() != nullptr && !blind_ && !group_begun_) {
            problem("the session closed too early: " + std::string{name(session().error())});
        }
        return false;
    case want::write:
        write(limit);
        return true;
    case want::read:
        if (session().deadline() == never) {
            problem("no deadline while a reply is awaited");
        }
        say(limit);
        return current() != nullptr || !session().is_closed();
    case want::start_tls:
        if (session().deadline() == never) {
            problem("no deadline for the TLS handshake");
        }
        if (blind_ || (current() != nullptr && current()->what == step::kind::tls)) {
            audit_.tls();
            if (!blind_) {
                advance(1);
            }
            session().tls_started(script_.verified);
            return true;
        }
        say(limit); // an attack, or the end
        return true;
    case want::content:
        if (!blind_ && current() != nullptr && current()->what != step::kind::client) {
            say(limit);
        } else {
            lend();
        }
        return true;
    default:
        if (!blind_ && group_begun_ && current() != nullptr && current()->what == step::kind::server) {
            say(limit); // it has more to say
            return true;
        }
        return task_ != begun || use(); // a message that was waiting for room is under way now
    }
}

void player::write(std::size_t limit) {
    if (session().deadline() == never) {
        problem("no deadline while output is on its way");
    }
    if (blind_) {
        const std::string_view out = session().output();
        if (!untold_.empty() || !out.empty()) {
            untold_ += out;
            session().taken(out.size());
            hand(untold_.size());
        }
        return;
    }
    const step* s = current();
    const bool client = s != nullptr && s->what == step::kind::client;
    if (client && take(std::min(s->octets.size() - offset_, limit - position_))) {
        return;
    }
    if (!untold_.empty()) {
        if (position_ < limit) {
            hand(pace_.out == pace::output::dripped ? 1 : untold_.size());
        }
        return;
    }
    if (s != nullptr &&
        (s->interrupts || group_begun_ || s->what == step::kind::end || s->what == step::kind::stall)) {
        say(limit);
        return;
    }
    problem("the client says what the script does not have here: " + std::string{session().output()});
}

// Takes output, at most `room` octets of it. False when there is none to take.
bool player::take(std::size_t room) {
    std::array<char, 4096> space;
    const bool gathers = pace_.out == pace::output::gathered;
    const std::size_t commands =
        gathers ? session().take_commands({space.data(), std::min(room, space.size())}) : 0;
    const std::string_view out = commands > 0 ? std::string_view{space.data(), commands} : session().output();
    std::size_t n = std::min(room, out.size());
    if (n == 0) {
        return false;
    }
    n = pace_.out == pace::output::octets ? 1 : n;
    const std::string_view expected{current()->octets.data() + offset_, n};
    if (out.substr(0, n) != expected) {
        problem("the client says \"" + std::string{out.substr(0, 80)} + "\" instead of \"" +
                std::string{expected} + '"');
        return true;
    }
    untold_ += out.substr(0, n);
    session().taken(commands > 0 ? 0 : n);
    advance(n);
    idle_turns_ = 0;
    if (pace_.out == pace::output::at_once || pace_.out == pace::output::octets) {
        hand(n);
    }
    return true;
}

void player::hand(std::size_t size) {
    audit_.client(std::string_view{untold_}.substr(0, size));
    untold_.erase(0, size);
    session().handed(size);
    idle_turns_ = 0;
    quiet_deadline_ = never;
    now += 1;
}

void player::take_without_handing() {
    for (std::string_view out = session().output(); !out.empty(); out = session().output()) {
        session().taken(out.size());
    }
}

// Where the server's present turn ends: the step after it.
std::size_t player::group_end() const {
    std::size_t end = step_;
    while (end < script_.steps.size() && script_.steps[end].what == step::kind::server) {
        ++end;
    }
    return end;
}

// The server's turn, or the end of the line.
void player::say(std::size_t limit) {
    const step* s = current();
    if (s == nullptr || (blind_ && s->what != step::kind::server)) {
        if (blind_ && s != nullptr) {
            ++step_;
            offset_ = 0;
            return;
        }
        if (!blind_) {
            problem("the session waits for a reply that the script does not have");
        }
        session().lost(errc::connection_lost);
        return;
    }
    if (s->what == step::kind::end) {
        advance(1);
        session().lost(errc::connection_lost);
        return;
    }
    if (s->what == step::kind::stall) {
        advance(1);
        now = session().deadline();
        return;
    }
    if (s->what != step::kind::server) {
        problem("the session waits for a reply where the script has the client or TLS next");
        return;
    }
    std::string octets = s->octets.substr(offset_);
    if (pace_.in == pace::input::groups && !blind_) {
        for (std::size_t i = step_ + 1; i < group_end(); ++i) {
            octets += script_.steps[i].octets;
        }
    } else if (pace_.in == pace::input::octets && !blind_) {
        octets.resize(1);
    }
    octets.resize(std::min(octets.size(), limit - position_));
    group_begun_ = true;
    for (std::size_t left = octets.size(); left > 0;) {
        const std::size_t n = std::min(left, current()->octets.size() - offset_);
        advance(n);
        left -= n;
    }
    deliver(octets);
}

void player::deliver(std::string_view octets) {
    const bool quiet = session().next(now) == want::read;
    const instant before = session().deadline();
    // The auditor must not hear what the session did not live to hear: reply by reply.
    while (!octets.empty()) {
        const auto end = octets.find('\n');
        const std::size_t n = end == std::string_view::npos ? octets.size() : end + 1;
        if (!session().is_closed()) {
            audit_.server(octets.substr(0, n));
        }
        session().received(octets.substr(0, n));
        observe();
        octets.remove_prefix(n);
    }
    idle_turns_ = 0;
    now += 1;
    if (quiet && !audit_.server_between_replies() && !session().is_closed() &&
        session().next(now) == want::read && session().deadline() > before) {
        // A reply may have been completed in this piece; then the clock starts again.
        if (pace_.in == pace::input::octets) {
            problem("part of a reply extended the deadline");
        }
    }
}

void player::lend() {
    transaction* const t = session().content_of();
    const std::size_t m = static_cast<std::size_t>(t - set_.transactions.data());
    const message_setting& setting = script_.messages.at(m);
    idle_turns_ = 0;
    if (parts_lent_[m] < setting.parts.size()) {
        const std::string& part = setting.parts[parts_lent_[m]++];
        session().lend(part, parts_lent_[m] == setting.parts.size() && setting.unreadable == errc::ok);
    } else if (setting.unreadable != errc::ok) {
        session().content_failed(setting.unreadable);
    } else {
        session().lend({}, true);
    }
}

// The session is ready: the next task, or QUIT. False when there is nothing to do.
bool player::use() {
    if (asked_) {
        asked_ = false;
        const reply& r = session().last_reply();
        std::string answer = std::to_string(r.code);
        if (r.enhanced) {
            answer += ' ' + std::to_string(r.enhanced.class_digit) + '.' +
                      std::to_string(r.enhanced.subject) + '.' + std::to_string(r.enhanced.detail);
        }
        answers_.push_back(answer + " " + std::string{r.text});
    }
    if (task_ < script_.tasks.size() && !script_.tasks[task_].is_message) {
        const question& q = script_.questions[script_.tasks[task_++].index];
        const errc e = session().ask(q.query, q.argument);
        asked_ = e == errc::ok;
        if (e != errc::ok) {
            answers_.push_back(std::string{name(e)});
        }
        return true;
    }
    if (task_ < script_.tasks.size()) {
        submit();
        return true;
    }
    if (!script_.quit_when_done) {
        return false;
    }
    session().quit();
    return true;
}

void player::submit() {
    while (!asked_ && task_ < script_.tasks.size() && script_.tasks[task_].is_message &&
           session().can_submit()) {
        session().submit(set_.transactions[script_.tasks[task_++].index]);
    }
}

// Once settled, an outcome never changes.
void player::observe() {
    submit();
    std::size_t i = 0;
    for (const auto& of_message : set_.recipients) {
        for (const recipient& r : of_message) {
            disposition& before = seen_[i++];
            const bool was_settled = before > disposition::accepted;
            if (was_settled && r.result.status != before && r.result.error != errc::unexpected_reply) {
                problem("an outcome changed from " + std::string{name(before)} + " to " +
                        std::string{name(r.result.status)});
            }
            before = r.result.status;
        }
    }
}

void player::inject(std::string_view octets) {
    deliver(octets);
}

void player::play_on_blindly() {
    blind_ = true;
    for (int i = 0; i < 100'000 && problems_.empty() && turn(static_cast<std::size_t>(-1)); ++i) {
    }
    if (!session().is_closed()) {
        session().lost(errc::connection_lost);
    }
    observe();
}

std::string describe(const outcome& o) {
    std::string s = std::string{name(o.status)} + ", " + std::string{name(o.at)};
    if (o.code != 0) {
        s += ", " + std::to_string(o.code);
    }
    if (o.enhanced) {
        s += ' ' + std::to_string(o.enhanced.class_digit) + '.' + std::to_string(o.enhanced.subject) + '.' +
             std::to_string(o.enhanced.detail);
    }
    if (o.error != errc::ok) {
        s += ", " + std::string{name(o.error)};
    }
    return s;
}

void player::check_outcome() {
    std::size_t count = 0;
    for (const message_setting& m : script_.messages) {
        count += m.recipients.size();
    }
    if (count != script_.recipients.size()) {
        problem("the outcome lists " + std::to_string(script_.recipients.size()) + " recipients of " +
                std::to_string(count));
        return;
    }
    std::size_t i = 0;
    for (std::size_t m = 0; m < script_.messages.size(); ++m) {
        for (std::size_t r = 0; r < script_.messages[m].recipients.size(); ++r) {
            check_recipient(m, r, script_.recipients[i++]);
        }
    }
    if (session().error() != script_.error ||
        (script_.error != errc::ok && session().failed_at() != script_.failed_at)) {
        problem("session: " + std::string{name(session().error())} + " at " +
                std::string{name(session().failed_at())});
    }
    if (answers_ != script_.answers) {
        std::string all;
        for (const std::string& a : answers_) {
            all += "answer: " + a + "\n";
        }
        problem("answers: " + all);
    }
    const std::map<std::string, std::string> facts{
        {"authenticated", session().authenticated() ? "yes" : "no"},
        {"encrypted", session().tls_active() ? "yes" : "no"},
        {"extended", session().extended() ? "yes" : "no"},
        {"limit", std::to_string(session().server().size_limit())},
    };
    for (const auto& [fact, value] : script_.facts) {
        if (facts.at(fact) != value) {
            problem(fact + ": " + facts.at(fact));
        }
    }
}

void player::check_recipient(std::size_t m, std::size_t r, const expected_recipient& e) {
    const outcome& o = set_.recipients[m][r].result;
    outcome expected;
    expected.status = e.status;
    expected.at = e.at;
    expected.code = e.code;
    expected.error = e.error;
    expected.enhanced = parse_enhanced_status(e.enhanced, e.code / 100U);
    const bool same_address =
        script_.messages[m].recipients[r].address == e.address && script_.messages[m].name == e.message;
    outcome found = o;
    if (!feature::enhanced_status) {
        expected.enhanced = {};
    }
    if (!same_address || describe(found) != describe(expected)) {
        problem(script_.messages[m].recipients[r].address + ": " + describe(found) + " instead of " +
                e.address + ": " + describe(expected));
    }
}

// Refused before MAIL: the line never saw it.
bool player::never_on_the_wire(std::size_t m) const {
    if (script_.messages[m].recipients.empty()) {
        return true;
    }
    switch (set_.recipients[m].front().result.error) {
    case errc::message_too_large:
    case errc::needs_8bitmime:
    case errc::needs_binarymime:
    case errc::needs_smtputf8:
    case errc::needs_dsn:
    case errc::bad_argument:
        return true;
    default:
        return false;
    }
}

void player::check_claims(errc cut) {
    std::size_t mail = 0;
    for (std::size_t m = 0; m < script_.messages.size(); ++m) {
        const std::size_t index = never_on_the_wire(m) ? static_cast<std::size_t>(-1) : mail++;
        for (std::size_t r = 0; r < script_.messages[m].recipients.size(); ++r) {
            check_one_claim(m, r, index, cut);
        }
    }
}

void player::check_one_claim(std::size_t m, std::size_t r, std::size_t mail, errc cut) {
    const outcome& o = set_.recipients[m][r].result;
    const bool probe = script_.messages[m].probe && set_.transactions[m].completed();
    claim c;
    if (mail < audit_.transactions()) {
        c = audit_.of(mail, r, session().is_closed());
    }
    bool fits = false;
    switch (c.what) {
    case claim::kind::delivered:
        fits = o.status == disposition::delivered && o.code == c.code;
        break;
    case claim::kind::refused:
        fits = o.status == (c.code / 100 == 5 ? disposition::permanent : disposition::transient) &&
               o.code == c.code;
        break;
    case claim::kind::in_doubt:
        fits = o.status == disposition::in_doubt;
        break;
    case claim::kind::accepted:
    case claim::kind::none: {
        const bool unsettled = !session().is_closed() && !o.settled();
        fits = unsettled || o.status == disposition::transient || o.status == disposition::permanent ||
               (probe && o.status == disposition::accepted);
        if (o.error == cut && cut != errc::ok) {
            fits = o.status == disposition::transient && o.code == 0;
        }
        fits = fits || (set_.transactions[m].completed() == false && o.status == disposition::pending &&
                        script_.tasks.size() > task_);
        break;
    }
    }
    // A NUL is found in the content before the replies to its recipients are read.
    fits = fits || (o.error == errc::content_has_nul && o.status == disposition::permanent &&
                    c.what != claim::kind::delivered && c.what != claim::kind::in_doubt);
    if (!fits) {
        problem(script_.messages[m].recipients[r].address + ": " + describe(o) + "; the line says kind " +
                std::to_string(static_cast<int>(c.what)) + " code " + std::to_string(c.code));
    }
}

} // namespace wire
