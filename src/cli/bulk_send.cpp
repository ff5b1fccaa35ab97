#include "bulk_send.hpp"

#include "exit_code.hpp"
#include "interruption.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace postrider::cli {

namespace asio = boost::asio;

namespace {

constexpr std::size_t taken_at_once = 64; // of the list, before the line gets its turn
constexpr std::size_t least_under_way = 16;
constexpr std::uint64_t most_octets = std::uint64_t{32} * 1024 * 1024; // of content, unless it is one message
constexpr std::size_t most_under_way = 512;                            // each may have a file open
constexpr int most_tries = 2;
constexpr unsigned most_broken = 2;      // lines in a row, when all of those at once are broken
constexpr std::chrono::seconds grace{5}; // for what is under way when a signal comes
// For QUIT, and for a session nobody needs any more, of which the server says nothing yet.
constexpr std::chrono::seconds farewell{2};
// Short at first: many a server ends each session after some messages, and means no harm by it.
constexpr std::chrono::milliseconds back_off{50};
constexpr std::chrono::milliseconds longest_back_off{5'000};

// It ended before there was a session: no message had anything to do with it.
bool is_setup(const send_result& result) {
    return std::all_of(result.recipients.begin(), result.recipients.end(), [](const recipient_outcome& one) {
        return one.at <= stage::auth && one.outcome != disposition::delivered;
    });
}

// Not by us.
bool breaks_line(errc error) {
    return error != errc::cancelled && ends_session(error);
}

// Nobody got it, because of the line, and the server did not answer for it.
bool may_go_again(const send_result& result) {
    return std::all_of(result.recipients.begin(), result.recipients.end(), [](const recipient_outcome& one) {
        return one.outcome == disposition::transient && (one.code == 0 || one.code == 421) &&
               ends_session(one.error);
    });
}

// Twice the windows: while one half is under way, the other is taken from the list.
std::size_t limit_for(std::uint16_t window, unsigned connections) {
    const std::size_t wide = window == automatic_window ? widest_automatic_window : window;
    return std::clamp(2 * wide * connections, least_under_way, most_under_way);
}

server_limits limits_for(const send_choice& chosen, std::size_t queue) {
    server_limits out;
    out.connections = chosen.connections;
    out.messages_per_connection = chosen.messages_per_connection;
    out.messages_per_second = chosen.rate;
    out.queue = queue;
    return out;
}

pool_options options_for(server_limits limits) {
    pool_options out;
    out.connections = limits.connections;
    out.queue = limits.queue;
    out.back_off = back_off;
    out.longest_back_off = longest_back_off;
    out.per_server = limits;
    out.per_server.connections = 1;
    out.implicit_strand = true; // one thread runs it all
    return out;
}

} // namespace

bulk_sender::bulk_sender(const send_choice& chosen, client_options options, bulk_source& list, journal* kept,
                         bulk_report& report, std::uint64_t count)
    : chosen_(chosen), list_(list), journal_(kept), report_(report),
      limit_(limit_for(options.window, chosen.connections)), limits_(limits_for(chosen, limit_)),
      server_(options.server), pool_(context_.get_executor(), options_for(limits_)) {
    if (chosen.output.verbose) {
        options.transcript = [&report, several = chosen.connections > 1](const transcript_line& line) {
            report.transcript(line, several);
        };
    }
    there_ = pool_.at(std::move(options));
    tally_.messages = count;
    salt_ = journal_ != nullptr ? journal_->salt() : random_text();
}

int bulk_sender::run() {
    const interruption interrupted([this] { asio::post(context_, [this] { interrupt(); }); },
                                   "ending what is under way (again to leave at once)");
    pump_soon();
    context_.run();
    return finish();
}

// --- from the list to the pool ---

// When all outcomes that are known by now are in the journal: to admit further messages may take the disk a
// while.
void bulk_sender::pump_soon() {
    if (!pump_due_) {
        pump_due_ = true;
        asio::post(context_, [this] { guarded_pump(); });
    }
}

void bulk_sender::guarded_pump() {
    pump_due_ = false;
    try {
        pump();
    } catch (const command_error& error) {
        fail(error);
    }
    end_if_idle();
}

void bulk_sender::pump() {
    if (stopping_ || under_way_.size() > limit_ / 2) {
        return;
    }
    std::vector<shared_job> batch;
    std::size_t taken = 0;
    for (bool any = true; any && has_room(batch.size()); ++taken) {
        if (taken == taken_at_once) {
            pump_soon();
            break;
        }
        any = take(batch);
    }
    if (journal_ != nullptr) {
        std::vector<message_key> keys;
        keys.reserve(batch.size());
        for (const auto& one : batch) {
            keys.push_back(one->key);
        }
        journal_->admit(keys);
    }
    for (const auto& one : batch) {
        submit(one);
    }
}

bool bulk_sender::has_room(std::size_t taken) const {
    const std::size_t count = under_way_.size() + taken;
    return count < limit_ && (octets_ < most_octets || count == 0);
}

// False when there is nothing left.
bool bulk_sender::take(std::vector<shared_job>& into) {
    if (!again_.empty()) {
        octets_ += again_.front()->mail.mail.content.size();
        into.push_back(std::move(again_.front()));
        again_.pop_front();
        return true;
    }
    bulk_item item;
    more_ = more_ && list_.next(item);
    if (!more_) {
        return false;
    }
    try {
        if (const auto one = make_job(item)) {
            octets_ += one->mail.mail.content.size();
            into.push_back(one);
        }
    } catch (const command_error& error) {
        tally_.add_unusable(error.exit());
        report_.unusable(item.name, error);
    }
    return true;
}

// Null when there is nothing to do for it.
bulk_sender::shared_job bulk_sender::make_job(const bulk_item& item) {
    if (!item.trouble.empty()) {
        throw command_error(exit_code::data, item.trouble);
    }
    auto one = std::make_shared<job>();
    one->name = item.name;
    one->key = key_of(item);
    if (journal_ != nullptr && journal_->delivered(one->key)) {
        ++tally_.delivered;
        ++tally_.skipped;
        return nullptr;
    }
    one->mail = list_.prepare(item, fingerprint().add(salt_).add(one->key.text()).key());
    one->everybody = one->mail.mail.recipients;
    if (journal_ != nullptr && !choose_recipients(*one)) {
        skip(*one);
        return nullptr;
    }
    return one;
}

// The same message may stand in a list more than once: then it is meant to be sent so often.
message_key bulk_sender::key_of(const bulk_item& item) {
    fingerprint whole;
    whole.add(item.anchor);
    if (journal_ != nullptr || !item.row.empty()) {
        list_.identify(item, whole);
    }
    const message_key base = whole.key();
    if (journal_ == nullptr && item.row.empty()) {
        return base; // nobody asks for it
    }
    const std::uint32_t before = seen_[base]++;
    return before == 0 ? base : fingerprint().add(base.text()).add(std::uint64_t{before}).key();
}

// Leaves those who shall get it now, by what the journal knows. False: nobody.
bool bulk_sender::choose_recipients(job& one) const {
    const auto known = journal_->remember(one.key);
    auto& recipients = one.mail.mail.recipients;
    if (!known.known) {
        return true;
    }
    std::vector<addressee> now;
    for (auto& who : recipients) {
        const auto before = known.recipients.find(who.address);
        recipient_outcome then;
        then.address = who.address;
        then.at = stage::content;
        then.outcome = disposition::in_doubt;
        then.error = errc::connection_lost;
        if (before != known.recipients.end()) {
            then = before->second;
        }
        const bool forgotten = before == known.recipients.end() && !known.on_its_way;
        const bool again = then.outcome == disposition::transient ||
                           (then.outcome == disposition::permanent && chosen_.retry_refused) ||
                           (then.outcome == disposition::in_doubt && chosen_.in_doubt == "repeat");
        if (forgotten || again) {
            now.push_back(std::move(who));
        } else {
            one.earlier.push_back(std::move(then));
        }
    }
    recipients = std::move(now);
    return !recipients.empty();
}

void bulk_sender::skip(const job& one) {
    const auto result = with_earlier(one, {});
    tally_.add(result);
    ++tally_.skipped;
    report_.message(one.name, one.mail, result, false);
}

void bulk_sender::submit(const shared_job& one) {
    under_way_.insert(one);
    ++one->tries;
    one->begun = false;
    outgoing mail = one->mail.mail;
    mail.content = {};
    mail.compose = [this, one](const capabilities&, std::string& why) { return begin(one, why); };
    pool_.async_send(there_, std::move(mail),
                     asio::bind_cancellation_slot(one->cancel.slot(), [this, one](send_result result) {
                         on_sent(one, std::move(result));
                     }));
}

// A session is about to say MAIL: the last moment at which nobody can have the message.
result<content> bulk_sender::begin(const shared_job& one, std::string& why) {
    widen();
    try {
        if (journal_ != nullptr && !one->begun) {
            journal_->begin(one->key, one->mail.mail.recipients);
        }
        one->begun = true;
        return one->mail.mail.content;
    } catch (const command_error& error) {
        why = error.what();
        fail(error);
        return errc::content_unreadable;
    }
}

// A session is up, so the others can be, too.
void bulk_sender::widen() {
    if (!wide_) {
        wide_ = true;
        pool_.limit(server_, limits_);
    }
}

// --- from the pool to the journal ---

void bulk_sender::on_sent(const shared_job& one, send_result result) {
    under_way_.erase(one);
    octets_ -= one->mail.mail.content.size();
    line_ = result.connection && !result.connection->peer.empty() ? result.connection : line_;
    const bool setup = is_setup(result);
    const bool dead = setup ? result.error != errc::cancelled : note_line(result);
    if (dead && !fatal_) {
        fatal_ = result;
    }
    try {
        if (setup || goes_again(*one, result)) {
            put_back(one, setup);
        } else {
            settle(*one, std::move(result));
        }
        report_.show_progress(tally_);
    } catch (const command_error& error) {
        fail(error);
    }
    if (fatal_ && !stopping_) {
        report_.stopped(*fatal_);
        stop();
    }
    pump_soon();
}

bool bulk_sender::goes_again(const job& one, const send_result& result) const {
    return !fatal_ && !stopping_ && one.tries < most_tries && may_go_again(result);
}

void bulk_sender::put_back(const shared_job& one, bool for_good) {
    if (journal_ != nullptr) {
        journal_->not_tried(one->key);
    }
    if (!for_good) {
        again_.push_back(one);
    }
}

void bulk_sender::settle(const job& one, send_result result) {
    const auto whole = with_earlier(one, std::move(result));
    tally_.add(whole); // first: whatever fails below, it was sent
    if (journal_ != nullptr) {
        journal_->settle(one.key, one.name, whole.recipients);
    }
    report_.message(one.name, one.mail, whole, true);
}

// True when lines have broken too often. What broke with one line counts once, however many messages were on
// it.
bool bulk_sender::note_line(const send_result& result) {
    if (result.any(disposition::delivered)) {
        broken_.clear();
    } else if (breaks_line(result.error) &&
               std::find(broken_.begin(), broken_.end(), result.connection) == broken_.end()) {
        broken_.push_back(result.connection);
    }
    return broken_.size() >= limits_.connections + most_broken;
}

// For all recipients, in the order of the message.
send_result bulk_sender::with_earlier(const job& one, send_result result) const {
    if (one.earlier.empty()) {
        return result;
    }
    auto known = std::move(result.recipients);
    known.insert(known.end(), one.earlier.begin(), one.earlier.end());
    std::vector<recipient_outcome> all;
    for (const auto& who : one.everybody) {
        const auto at = std::find_if(known.begin(), known.end(), [&who](const recipient_outcome& each) {
            return each.address == who.address;
        });
        if (at != known.end()) {
            all.push_back(*at);
        }
    }
    result.recipients = std::move(all);
    const auto failed =
        std::find_if(result.recipients.begin(), result.recipients.end(),
                     [](const recipient_outcome& each) { return each.outcome != disposition::delivered; });
    if (result.ok() && failed != result.recipients.end()) {
        result.error = failed->error;
        result.at = failed->at;
        result.code = failed->code;
    }
    return result;
}

// --- the end ---

// What has begun goes on to its end.
void bulk_sender::stop() {
    stopping_ = true;
    again_.clear();
    for (const auto& one : std::vector<shared_job>(under_way_.begin(), under_way_.end())) {
        if (!one->begun) {
            one->cancel.emit(asio::cancellation_type::terminal);
        }
    }
}

void bulk_sender::fail(const command_error& error) {
    if (!error_) {
        error_ = error;
    }
    if (!stopping_) {
        stop();
    }
}

void bulk_sender::interrupt() {
    interrupted_ = true;
    stop();
    if (quitting_) {
        pool_.close(); // nothing is left but farewells
    } else {
        close_after(grace);
        end_if_idle();
    }
}

void bulk_sender::close_after(std::chrono::seconds time) {
    patience_.expires_after(time);
    patience_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) {
            pool_.close();
        }
    });
}

void bulk_sender::end_if_idle() {
    if (quitting_ || !under_way_.empty() || (!stopping_ && (more_ || !again_.empty()))) {
        return;
    }
    quitting_ = true;
    close_after(farewell);
    // Whatever it says: all outcomes are settled.
    pool_.async_drain([this](const status&) { patience_.cancel(); });
}

int bulk_sender::finish() {
    if (fatal_) {
        tally_.add_failure(exit_code_of(*fatal_));
    }
    if (journal_ != nullptr && !error_) {
        auto summary = bulk_report::counts(tally_);
        if (fatal_ || interrupted_) {
            summary["stopped"] = fatal_ ? name(fatal_->error) : std::string_view("interrupted");
        }
        journal_->finish(summary);
    }
    report_.summary(tally_, fatal_ ? &*fatal_ : nullptr, line_.get(), journal_ != nullptr);
    if (error_) {
        throw *error_;
    }
    return tally_.exit();
}

} // namespace postrider::cli
