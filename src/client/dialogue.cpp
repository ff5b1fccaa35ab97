#include "dialogue.hpp"

#include "visible.hpp"

#include <algorithm>

namespace postrider::line {

namespace {

constexpr std::size_t longest_line = 2048; // as the engine's reader takes it
constexpr std::size_t most_lines = 200;    // of one EHLO reply or greeting
constexpr std::size_t most_steps = 64;

std::chrono::microseconds since(dialogue::clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(dialogue::clock::now() - start);
}

// Appends to `line`, and calls `end` wherever it ends.
template <class End>
void by_lines(std::string_view octets, std::string& line, End end) {
    for (;;) {
        const std::size_t size = octets.find('\n');
        line += octets.substr(0, std::min(size, longest_line - std::min(longest_line, line.size())));
        if (size == std::string_view::npos) {
            return;
        }
        end();
        octets.remove_prefix(size + 1);
    }
}

} // namespace

dialogue::dialogue(const client_options& options, const mask& secrets, connection_info& info)
    : options_(options), mask_(secrets), info_(info) {
    awaited_.push_back({"greeting", clock::now()});
}

void dialogue::sent(std::string_view octets, bool secret, bool content) {
    if (!is_needed()) {
        return;
    }
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
    by_lines(octets, out_line_, [this] { end_sent_line(); });
}

void dialogue::received(std::string_view octets) {
    if (!is_needed()) {
        return;
    }
    by_lines(octets, in_line_, [this] { end_received_line(); });
}

void dialogue::tls_started() {
    tls_ = true;
    info_.ehlo_before_tls = std::move(info_.ehlo);
    info_.ehlo.clear();
    in_line_.clear();
}

void dialogue::set_up() {
    setting_up_ = false;
    awaited_ = {};
    info_.steps.shrink_to_fit();
    info_.ehlo.shrink_to_fit();
    if (!is_needed()) {
        in_line_ = {};
        out_line_ = {};
    }
}

void dialogue::show(bool from_us, std::string_view text) const {
    if (options_.transcript) {
        options_.transcript({from_us, tls_, text});
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

void dialogue::end_sent_line() {
    if (!out_line_.empty() && out_line_.back() == '\r') {
        out_line_.pop_back();
    }
    show_line(true, out_line_);
    if (setting_up_ && awaited_.size() < most_steps) {
        const std::string_view text = out_line_;
        // Behind AUTH come lines that begin with no verb.
        const bool answer = out_secret_ && text.starts_with(mask::shown);
        awaited_.push_back(
            {answer || text == "*" ? "AUTH" : std::string(text.substr(0, text.find(' '))), clock::now()});
    }
    out_line_.clear();
    out_secret_ = false;
}

void dialogue::end_received_line() {
    if (!in_line_.empty() && in_line_.back() == '\r') {
        in_line_.pop_back();
    }
    const std::string line = mask_.over(std::move(in_line_));
    in_line_.clear();
    end_content();
    show_line(false, line);
    if (!setting_up_ || awaited_.empty()) {
        return;
    }
    const bool last = line.size() < 4 || line[3] != '-';
    learn(awaited_.front().verb, line);
    if (last) {
        if (info_.steps.size() < most_steps) {
            info_.steps.push_back({awaited_.front().verb, since(awaited_.front().since)});
        }
        awaited_.erase(awaited_.begin());
    }
    reply_begun_ = !last;
}

void dialogue::learn(std::string_view verb, std::string_view line) {
    const std::string_view text = line.size() > 4 ? line.substr(4) : "";
    const bool hello = verb == "EHLO" || verb == "LHLO";
    if (verb == "greeting" && info_.greeting.size() < longest_line) {
        info_.greeting.append(reply_begun_ ? "\n" : "").append(text);
    } else if (hello && line.starts_with("250") && info_.ehlo.size() < most_lines) {
        info_.ehlo.emplace_back(text);
    }
}

} // namespace postrider::line
