#include "dialogue.hpp"

#include "visible.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <atomic>

namespace postrider::line {

namespace {

constexpr std::size_t longest_line = 2048; // as the engine's reader takes it
constexpr std::size_t most_text = 16384;   // of one EHLO reply or greeting
constexpr std::size_t most_steps = 64;

std::chrono::microseconds since(dialogue::clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(dialogue::clock::now() - start);
}

void keep(std::string& line, std::string_view octets) {
    line += octets.substr(0, longest_line - std::min(longest_line, line.size()));
}

// Calls `end` with each line, without its LF or CRLF. The beginning of one that comes in pieces waits in
// `begun`.
template <class End>
void by_lines(std::string_view octets, std::string& begun, End end) {
    for (std::size_t size = octets.find('\n'); size != std::string_view::npos; size = octets.find('\n')) {
        std::string_view line = octets.substr(0, std::min(size, longest_line));
        if (!begun.empty()) {
            keep(begun, octets.substr(0, size));
            line = begun;
        }
        line.remove_suffix(line.ends_with('\r') ? 1 : 0);
        end(line);
        begun.clear();
        octets.remove_prefix(size + 1);
    }
    keep(begun, octets);
}

} // namespace

// What is noted down while the session is set up.
struct dialogue::notes {
    struct awaited {
        std::string verb;
        clock::time_point since;
    };
    boost::container::small_vector<awaited, 4> replies;
    bool reply_begun = false;
};

dialogue::dialogue(const client_options& options, const mask& secrets, connection_info& info)
    : options_(options), mask_(secrets), info_(info), notes_(std::make_unique<notes>()) {
    if (options_.transcript) {
        static std::atomic<std::uint64_t> counted = 0;
        number_ = ++counted;
    }
    notes_->replies.push_back({"greeting", clock::now()});
    info_.steps.reserve(4); // resolve or tls, connect, greeting, EHLO
}

dialogue::~dialogue() = default;

void dialogue::watch_sent(std::string_view octets, bool secret, bool content) {
    if (content) {
        content_size_ += octets.size();
        return;
    }
    end_content();
    if (secret) {
        out_line_ += out_secret_ ? "" : mask::shown;
        out_secret_ = true;
        return;
    }
    by_lines(octets, out_line_, [this](std::string_view line) { end_sent_line(line); });
}

void dialogue::watch_received(std::string_view octets) {
    by_lines(octets, in_line_, [this](std::string_view line) {
        if (mask_.is_empty()) {
            end_received_line(line);
        } else {
            end_received_line(mask_.over(std::string(line)));
        }
    });
}

void dialogue::tls_started() {
    tls_ = true;
    info_.ehlo_before_tls = std::move(info_.ehlo);
    info_.ehlo.clear();
    in_line_.clear();
}

void dialogue::set_up() {
    notes_.reset();
    if (!is_needed()) {
        in_line_ = {};
        out_line_ = {};
    }
}

void dialogue::show(bool from_us, std::string_view text) const {
    if (options_.transcript) {
        options_.transcript({from_us, tls_, number_, text});
    }
}

void dialogue::show_line(bool from_us, std::string_view line) const {
    if (options_.transcript) {
        show(from_us, visible(line));
    }
}

void dialogue::end_content() {
    if (content_size_ > 0) {
        show(true, std::string("[").append(std::to_string(content_size_)).append(" octets of content]"));
        content_size_ = 0;
    }
}

void dialogue::end_sent_line(std::string_view line) {
    show_line(true, line);
    if (notes_ && notes_->replies.size() < most_steps) {
        // Behind AUTH come lines that begin with no verb.
        const bool answer = (out_secret_ && line.starts_with(mask::shown)) || line == "*";
        const std::string_view verb = answer ? "AUTH" : line.substr(0, line.find(' '));
        notes_->replies.push_back({std::string(verb), clock::now()});
    }
    out_secret_ = false;
}

void dialogue::end_received_line(std::string_view line) {
    end_content();
    show_line(false, line);
    if (!notes_ || notes_->replies.empty()) {
        return;
    }
    const notes::awaited& awaited = notes_->replies.front();
    learn(awaited.verb, line);
    const bool last = line.size() < 4 || line[3] != '-';
    notes_->reply_begun = !last;
    if (last) {
        if (info_.steps.size() < most_steps) {
            info_.steps.push_back({awaited.verb, since(awaited.since)});
        }
        notes_->replies.erase(notes_->replies.begin());
    }
}

void dialogue::learn(std::string_view verb, std::string_view line) {
    std::string* to = nullptr;
    if (verb == "greeting") {
        to = &info_.greeting;
    } else if ((verb == "EHLO" || verb == "LHLO") && line.starts_with("250")) {
        to = &info_.ehlo;
    }
    if (to != nullptr && to->size() < most_text) {
        to->append(notes_->reply_begun ? "\n" : "")
            .append(line.substr(std::min<std::size_t>(line.size(), 4)));
    }
}

} // namespace postrider::line
