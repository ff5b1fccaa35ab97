// player.hpp - plays a wire script against the engine: it is the driver on one side and the server on the
// other.
#pragma once

#include "auditor.hpp"
#include "script.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace wire {

/// How octets are cut on their way.
struct pace {
    enum class input : std::uint8_t { groups, lines, octets };
    enum class output : std::uint8_t {
        at_once,  ///< each slice taken and handed whole
        octets,   ///< one octet at a time, taken and handed
        gathered, ///< everything there is taken first, commands together, then handed in one piece
        dripped,  ///< everything taken first, then handed octet by octet
    };
    input in = input::groups;
    output out = output::at_once;
};

/// Everything a session needs, made from a script's settings.
class stage_set {
  public:
    explicit stage_set(const script& s);
    stage_set(const stage_set&) = delete;
    stage_set& operator=(const stage_set&) = delete;

    /// The errc with which an address or path did not parse; ok when all did.
    postrider::errc bad_address() const { return bad_address_; }

    const script& text;
    std::vector<postrider::plain_mechanism> plain;
    std::vector<postrider::login_mechanism> login;
    std::vector<postrider::mechanism*> mechanisms;
    postrider::session_config config;
    std::vector<char> reply_space;
    std::vector<std::vector<postrider::recipient>> recipients;
    std::vector<std::vector<std::array<char, 64>>> texts;
    std::vector<postrider::transaction> transactions;
    std::unique_ptr<postrider::session> session;

  private:
    void make_mechanisms();
    void make_transaction(const message_setting& m, std::size_t index);
    postrider::errc bad_address_ = postrider::errc::ok;
};

class player {
  public:
    player(const script& s, pace p);

    /// Plays until the dialogue is over, or `limit` octets and events have passed. Problems are collected.
    void play(std::size_t limit = static_cast<std::size_t>(-1));
    /// Goes on without the script's help: whatever the client says is swallowed, the server says what is left
    /// of its lines, then the line is cut.
    void play_on_blindly();
    /// The server says this now.
    void inject(std::string_view octets);
    /// Takes all that the session would write now, without handing it to the line.
    void take_without_handing();

    /// Compares what is known at the end with what the script expects.
    void check_outcome();
    /// Compares what the session says about each recipient with what the auditor may claim. `cut`: what the
    /// session was told by lost(), or the time-out.
    void check_claims(postrider::errc cut);

    postrider::session& session() { return *set_.session; }
    stage_set& set() { return set_; }
    const auditor& audit() const { return audit_; }
    postrider::instant now = 1000;
    std::size_t position() const { return position_; }
    /// Nothing is under way inside a step; the server is between two lines.
    bool between_server_lines() const;
    /// All that is left is to say QUIT and to hear the answer.
    bool only_quit_left() const;
    const std::vector<std::string>& problems() const { return problems_; }

  private:
    bool turn(std::size_t limit);
    void write(std::size_t limit);
    bool take(std::size_t room);
    void hand(std::size_t size);
    void say(std::size_t limit);
    void lend();
    bool use();
    void submit();
    void deliver(std::string_view octets);
    void observe();
    void problem(const std::string& text);
    const step* current() const;
    void advance(std::size_t size);
    std::string where() const;
    std::size_t group_end() const;
    void check_recipient(std::size_t m, std::size_t r, const expected_recipient& e);
    void check_one_claim(std::size_t m, std::size_t r, std::size_t mail, postrider::errc cut);
    bool never_on_the_wire(std::size_t m) const;

    const script& script_;
    pace pace_;
    stage_set set_;
    auditor audit_;
    std::size_t step_ = 0;
    std::size_t offset_ = 0;
    std::size_t position_ = 0;
    std::size_t task_ = 0;
    std::vector<std::size_t> parts_lent_;
    std::string untold_; // taken, not handed
    bool group_begun_ = false;
    bool blind_ = false;
    bool asked_ = false;
    std::vector<std::string> answers_;
    std::vector<postrider::disposition> seen_;
    std::vector<std::string> problems_;
    postrider::instant quiet_deadline_ = postrider::never; // while a reply is only partly there
    std::size_t idle_turns_ = 0;
};

/// What `disposition, stage, code` look like in a message.
std::string describe(const postrider::outcome& o);

} // namespace wire
