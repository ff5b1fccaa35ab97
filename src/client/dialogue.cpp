#include "dialogue.hpp"

#include "visible.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace postrider::line {

namespace {

constexpr std::size_t longest_line = 2048; // as the engine's reader takes it
constexpr std::size_t most_lines = 200;    // of one EHLO reply or greeting
constexpr std::size_t most_steps = 64;
constexpr std::size_t shortest_mask = 4; // a shorter password would mask half the dialogue
constexpr std::string_view mask = "********";

std::chrono::microseconds since(dialogue::clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(dialogue::clock::now() - start);
}

std::string base64(std::string_view octets) {
    std::string out((octets.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(octets.data()),
                                     static_cast<int>(octets.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string hex(std::string_view octets) {
    std::string out;
    for (const char c : octets) {
        const auto value = static_cast<unsigned char>(c);
        out += {"0123456789abcdef"[value >> 4U], "0123456789abcdef"[value & 15U]};
    }
    return out;
}

bool same_ignoring_case(char a, char b) noexcept {
    const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return fold(a) == fold(b);
}

void replace_all(std::string& text, const std::string& what) {
    if (what.size() < shortest_mask) {
        return;
    }
    for (auto at = text.begin();;) {
        at = std::search(at, text.end(), what.begin(), what.end(), same_ignoring_case);
        if (at == text.end()) {
            return;
        }
        const auto offset = at - text.begin();
        text.replace(at, at + static_cast<std::ptrdiff_t>(what.size()), mask);
        at = text.begin() + offset + static_cast<std::ptrdiff_t>(mask.size());
    }
}

// A form of a credential, wiped when done with.
class form {
  public:
    explicit form(std::string text) : text_(std::move(text)) {}
    form(const form&) = delete;
    form& operator=(const form&) = delete;
    ~form() { wipe(text_.data(), text_.size()); }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

} // namespace

dialogue::dialogue(const client_options& options, connection_info& info) : options_(options), info_(info) {
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
        out_line_ += out_secret_ ? "" : mask;
        out_secret_ = true;
        return;
    }
    for (const char c : octets) {
        if (c == '\n') {
            end_sent_line();
        } else if (out_line_.size() < longest_line) {
            out_line_ += c;
        }
    }
}

void dialogue::received(std::string_view octets) {
    if (!is_needed()) {
        return;
    }
    for (const char c : octets) {
        if (c == '\n') {
            end_received_line();
        } else if (in_line_.size() < longest_line) {
            in_line_ += c;
        }
    }
}

void dialogue::tls_started() {
    tls_ = true;
    info_.ehlo_before_tls = std::move(info_.ehlo);
    info_.ehlo.clear();
    in_line_.clear();
}

void dialogue::show(bool from_us, std::string_view text) const {
    if (options_.transcript) {
        options_.transcript({from_us, tls_, text});
    }
}

void dialogue::end_content() {
    if (content_size_ > 0) {
        show(true, "[" + std::to_string(content_size_) + " octets of content]");
        content_size_ = 0;
    }
}

void dialogue::end_sent_line() {
    if (!out_line_.empty() && out_line_.back() == '\r') {
        out_line_.pop_back();
    }
    show(true, visible(out_line_));
    if (setting_up_ && awaited_.size() < most_steps) {
        const std::string_view text = out_line_;
        // Behind AUTH come lines that begin with no verb.
        const bool answer = out_secret_ && text.starts_with(mask);
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
    const std::string line = masked(std::move(in_line_));
    in_line_.clear();
    end_content();
    show(false, visible(line));
    if (!setting_up_ || awaited_.empty()) {
        return;
    }
    const bool last = line.size() < 4 || line[3] != '-';
    learn(awaited_.front().verb, line);
    if (last) {
        if (info_.steps.size() < most_steps) {
            info_.steps.push_back({awaited_.front().verb, since(awaited_.front().since)});
        }
        awaited_.pop_front();
    }
    reply_begun_ = !last;
}

void dialogue::learn(std::string_view verb, std::string_view line) {
    const std::string_view text = line.size() > 4 ? line.substr(4) : "";
    const bool hello = verb == "EHLO" || verb == "LHLO";
    if (verb == "greeting" && info_.greeting.size() < longest_line) {
        info_.greeting += (reply_begun_ ? "\n" : "") + std::string(text);
    } else if (hello && line.starts_with("250") && info_.ehlo.size() < most_lines) {
        info_.ehlo.emplace_back(text);
    }
}

// The password, or the response to AUTH PLAIN, in whatever form a server may repeat it.
std::string dialogue::masked(std::string text) const {
    if (!options_.credentials || options_.credentials->password.empty()) {
        return text;
    }
    const std::string_view password = options_.credentials->password.reveal();
    const form raw{std::string(password)};
    const form plain{options_.credentials->authorization_id + '\0' + options_.credentials->user + '\0' +
                     raw.text()};
    const std::array<form, 5> forms{form(raw.text()), form(base64(raw.text())), form(hex(raw.text())),
                                    form(base64(plain.text())), form(hex(plain.text()))};
    for (const form& one : forms) {
        replace_all(text, one.text());
    }
    return text;
}

} // namespace postrider::line
