// Lines in, replies out. A command line ends with CRLF; one that ends with a bare LF is not obeyed but
// answered with the reason, so that a person at a terminal is not left waiting (RFC 5321 2.3.8).
#include "sink/session.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace postrider::sink {
namespace {

constexpr std::size_t max_command =
    2048; // RFC 5321 4.5.3.1.4: 512, and what DSN, SIZE, AUTH= and SMTPUTF8 add
constexpr std::size_t max_auth_line = 12288; // RFC 4954 4.5
constexpr unsigned max_mistakes = 100;

constexpr std::array<std::string_view, stage_count> stage_names{"connect",   "ehlo",    "helo", "starttls",
                                                                "handshake", "auth",    "mail", "rcpt",
                                                                "data",      "content", "end",  "quit"};

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

// "4.2.2 " in front of a text given on the command line.
bool has_enhanced_code(std::string_view text) noexcept {
    const auto code = text.substr(0, text.find(' '));
    return code.size() >= 5 && (code[0] == '4' || code[0] == '5') && code[1] == '.' &&
           std::count(code.begin(), code.end(), '.') == 2 &&
           std::all_of(code.begin(), code.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

} // namespace

std::optional<stage> stage_from_name(std::string_view name) {
    const auto found = std::find(stage_names.begin(), stage_names.end(), name);
    if (found == stage_names.end())
        return std::nullopt;
    return static_cast<stage>(found - stage_names.begin());
}

std::string_view stage_name(stage where) {
    return stage_names[static_cast<std::size_t>(where)];
}

session::session(shared_state& shared, std::string peer)
    : shared_(shared), settings_(shared.settings), store_(shared.settings), peer_(std::move(peer)) {}

void session::greet() {
    if (strikes(stage::connect))
        return;
    const auto line =
        fmt::format("{} {} Postrider sink", settings_.host_name, settings_.lmtp ? "LMTP" : "ESMTP");
    trace('>', "220 " + line);
    out_.append("220 ").append(line).append("\r\n");
}

std::size_t session::consume(std::string_view in) {
    std::size_t used = 0;
    while (next_ == action::read && !output_full()) {
        const auto rest = in.substr(used);
        const bool empty_chunk = mode_ == mode::chunk && chunk_left_ == 0;
        if (rest.empty() && !empty_chunk)
            break;
        std::size_t step = 0;
        switch (mode_) {
        case mode::dotted:
            step = take_dotted(rest);
            break;
        case mode::chunk:
            step = take_chunk(rest);
            break;
        case mode::over_long:
            step = skip_line(rest);
            break;
        default:
            step = take_line(rest);
            break;
        }
        used += step;
        if (step == 0 && !empty_chunk)
            break;
    }
    return used;
}

void session::answer_starttls(bool plaintext_behind) {
    if (plaintext_behind) {
        reply(554, "5.5.1", "Plaintext behind STARTTLS, closing the connection");
        return finish_with(action::close);
    }
    reply(220, "2.0.0", "Ready to start TLS");
    finish_with(action::handshake);
}

void session::tls_started(std::string version, std::string cipher) {
    reset_transaction();
    greeted_ = extended_ = false;
    client_name_.clear();
    user_.clear();
    tls_version_ = std::move(version);
    tls_cipher_ = std::move(cipher);
    finish_with(action::read);
}

bool session::strikes(stage where) {
    const auto index = static_cast<std::size_t>(where);
    const auto& what = settings_.faults[index];
    if (what.what == fault::kind::none ||
        (settings_.fail_first != 0 && shared_.faults_struck[index] >= settings_.fail_first))
        return false;
    ++shared_.faults_struck[index];
    switch (what.what) {
    case fault::kind::close:
        finish_with(action::cut);
        break;
    case fault::kind::reset:
        finish_with(action::reset);
        break;
    case fault::kind::stall:
        finish_with(action::stall);
        break;
    default:
        // LMTP owes one reply per recipient behind the content (RFC 2033 4.2).
        for (auto due = where == stage::end && settings_.lmtp && what.code != 421
                            ? mail_.envelope.recipients.size()
                            : 1;
             due > 0; --due)
            refuse_with(what.code, "3.0", what.text, "Failing on request");
        if (what.code == 421 || where == stage::connect)
            finish_with(action::close);
        break;
    }
    return true;
}

void session::farewell(std::string_view enhanced, std::string_view text) {
    reset_transaction();
    reply(421, enhanced, text);
    finish_with(action::close);
}

std::size_t session::take_line(std::string_view in) {
    const bool authenticating = mode_ != mode::command;
    const bool may_be_long = authenticating || (in.size() >= 5 && same_keyword(in.substr(0, 5), "AUTH "));
    const std::size_t limit = may_be_long ? max_auth_line : max_command;
    const auto end = in.substr(0, limit).find('\n');
    if (end == std::string_view::npos) {
        if (in.size() < limit)
            return 0;
        over_long_was_auth_ = authenticating;
        mode_ = mode::over_long;
        return skip_line(in);
    }
    if (end == 0 || in[end - 1] != '\r') {
        mode_ = mode::command;
        trace('<', authenticating || may_be_long ? "***" : in.substr(0, end));
        mistake("5.5.2", 500, "A command line must end with CRLF, not with a bare LF");
    } else {
        handle_line(in.substr(0, end - 1));
    }
    return end + 1;
}

std::size_t session::skip_line(std::string_view in) {
    const auto end = in.find('\n');
    if (end == std::string_view::npos)
        return in.size();
    mode_ = mode::command;
    if (over_long_was_auth_)
        mistake("5.5.6", 500, "Authentication exchange line is too long");
    else
        mistake("5.5.2", 500, "Line too long");
    return end + 1;
}

void session::handle_line(std::string_view line) {
    const bool authenticating = mode_ != mode::command;
    const bool has_secret = authenticating || (line.size() >= 5 && same_keyword(line.substr(0, 5), "AUTH "));
    if (settings_.on_trace) {
        const auto mechanism_end = has_secret ? line.find(' ', 5) : std::string_view::npos;
        if (authenticating)
            trace('<', line == "*" ? "*" : "***");
        else if (mechanism_end != std::string_view::npos)
            trace('<', std::string(line.substr(0, mechanism_end)) + " ***");
        else
            trace('<', line);
    }
    if (authenticating)
        return auth_line(line);
    if (std::any_of(line.begin(), line.end(), is_control))
        return mistake("5.5.2", 500, "A command line may not hold control characters");
    dispatch(line);
}

void session::dispatch(std::string_view line) {
    static constexpr std::array<verb, 15> verbs{{
        {"MAIL", &session::mail},
        {"RCPT", &session::rcpt},
        {"DATA", &session::data},
        {"BDAT", &session::bdat},
        {"EHLO", &session::ehlo},
        {"LHLO", &session::lhlo},
        {"HELO", &session::helo},
        {"QUIT", &session::quit},
        {"RSET", &session::rset},
        {"NOOP", &session::noop},
        {"AUTH", &session::auth},
        {"STARTTLS", &session::starttls},
        {"VRFY", &session::vrfy},
        {"EXPN", &session::expn},
        {"HELP", &session::help},
    }};
    // RFC 5321 4.1.1: white space at the end of a line is to be tolerated.
    line = line.substr(0, line.find_last_not_of(' ') + 1);
    const auto name = line.substr(0, line.find(' '));
    const auto found = std::find_if(verbs.begin(), verbs.end(),
                                    [name](const verb& v) { return same_keyword(v.name, name); });
    if (found == verbs.end())
        return mistake("5.5.2", 500, "Command not recognised");
    const auto argument = name.size() == line.size() ? std::string_view() : line.substr(name.size() + 1);
    (this->*found->run)(argument);
}

void session::reply(int code, std::string_view enhanced, std::string_view text) {
    const auto start = out_.size();
    fmt::format_to(std::back_inserter(out_), "{} ", code);
    if (!enhanced.empty() && offers("ENHANCEDSTATUSCODES"))
        out_.append(enhanced).append(" ");
    out_.append(text);
    if (settings_.on_trace)
        trace('>', std::string_view(out_).substr(start));
    out_.append("\r\n");
}

// Counts what a client does wrong, so that a line full of rubbish ends.
void session::mistake(std::string_view enhanced, int code, std::string_view text) {
    if (++mistakes_ >= max_mistakes)
        return farewell("4.7.0", "Too many mistakes, closing the connection");
    reply(code, enhanced, text);
}

void session::refuse(const problem& what) {
    mistake(what.enhanced, what.code, what.text);
}

// A refusal from the command line. `default_subject` is the enhanced code behind its class digit, e.g. "1.1".
void session::refuse_with(int code, std::string_view default_subject, std::string_view text,
                          std::string_view fallback) {
    if (has_enhanced_code(text)) {
        const auto cut = text.find(' ');
        const auto rest = cut == std::string_view::npos ? fallback : text.substr(cut + 1);
        return reply(code, text.substr(0, cut), rest);
    }
    const auto enhanced = fmt::format("{}.{}", code / 100, default_subject);
    reply(code, enhanced, text.empty() ? fallback : text);
}

bool session::no_argument(std::string_view argument) {
    if (!argument.empty())
        mistake("5.5.4", 501, "This command takes no argument");
    return argument.empty();
}

bool session::offers(std::string_view keyword) const {
    return settings_.without.find(keyword) == settings_.without.end();
}

bool session::auth_open() const {
    return !settings_.user.empty() && offers("AUTH") &&
           (settings_.tls == tls_mode::none || !tls_version_.empty());
}

void session::trace(char direction, std::string_view line) const {
    if (settings_.on_trace)
        settings_.on_trace(direction, line);
}

void session::ehlo(std::string_view argument) {
    if (settings_.lmtp)
        return mistake("5.5.1", 500, "This is LMTP: say LHLO");
    hello(argument, true);
}

void session::helo(std::string_view argument) {
    if (settings_.lmtp)
        return mistake("5.5.1", 500, "This is LMTP: say LHLO");
    hello(argument, false);
}

void session::lhlo(std::string_view argument) {
    if (!settings_.lmtp)
        return mistake("5.5.1", 500, "This is SMTP: say EHLO");
    hello(argument, true);
}

void session::hello(std::string_view argument, bool extended) {
    if (strikes(extended ? stage::ehlo : stage::helo))
        return;
    if (!is_utf8(argument) || !is_domain_or_literal(argument))
        return mistake("5.5.4", 501, "A domain or an address literal must follow");
    reset_transaction(); // RFC 5321 4.1.4: a new EHLO clears as RSET does
    greeted_ = true;
    extended_ = extended;
    client_name_ = argument;
    if (extended)
        list_keywords();
    else
        reply(250, "", settings_.host_name);
}

void session::list_keywords() {
    const auto line = [this](char more, std::string_view text) {
        out_.append("250").append(1, more).append(text).append("\r\n");
        trace('>', std::string("250") + more + std::string(text));
    };
    std::array<std::string, 12> lines;
    std::size_t count = 0;
    lines[count++] = settings_.host_name;
    const auto add = [&](std::string_view keyword, bool available = true) {
        if (available && offers(keyword))
            lines[count++] = keyword;
    };
    add("PIPELINING");
    if (offers("SIZE"))
        lines[count++] = settings_.size_limit == 0 ? "SIZE" : fmt::format("SIZE {}", settings_.size_limit);
    add("8BITMIME");
    add("SMTPUTF8");
    add("ENHANCEDSTATUSCODES");
    add("DSN");
    add("CHUNKING");
    add("BINARYMIME", offers("CHUNKING"));
    add("STARTTLS", settings_.tls == tls_mode::starttls && tls_version_.empty());
    if (auth_open())
        lines[count++] = "AUTH PLAIN LOGIN";
    for (std::size_t i = 0; i < count; ++i)
        line(i + 1 == count ? ' ' : '-', lines[i]);
}

void session::starttls(std::string_view argument) {
    if (settings_.tls != tls_mode::starttls || !offers("STARTTLS"))
        return mistake("5.5.1", 502, "STARTTLS is not offered");
    if (!tls_version_.empty())
        return mistake("5.5.1", 503, "TLS is on already");
    if (!extended_)
        return mistake("5.5.1", 503, "EHLO first");
    if (!no_argument(argument) || strikes(stage::starttls))
        return;
    finish_with(action::start_tls);
}

void session::rset(std::string_view argument) {
    if (!no_argument(argument))
        return;
    reset_transaction();
    reply(250, "2.0.0", "Reset");
}

void session::noop(std::string_view /*argument*/) {
    reply(250, "2.0.0", "Ok");
}

void session::vrfy(std::string_view argument) {
    if (argument.empty())
        return mistake("5.5.4", 501, "VRFY needs an address");
    reply(252, "2.5.0", "Send some mail, it will be taken");
}

void session::expn(std::string_view /*argument*/) {
    mistake("5.5.1", 502, "EXPN is not implemented");
}

void session::help(std::string_view /*argument*/) {
    reply(214, "2.0.0",
          "Commands: EHLO HELO LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH");
}

void session::quit(std::string_view argument) {
    if (strikes(stage::quit) || !no_argument(argument))
        return;
    reply(221, "2.0.0", "Bye");
    finish_with(action::close);
}

} // namespace postrider::sink
