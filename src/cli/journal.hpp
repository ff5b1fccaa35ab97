// journal.hpp - what became of each message of a run, on disk, so that the next run does the rest.
//
// One JSON object a line, appended and never changed. Before a message can go out it is admitted, and that is
// on the disk; when its transaction begins, that is written as well, though not waited for; what became of it
// is the last line about it. So after an end of whatever kind there are three sorts: settled messages,
// messages that nobody can have, and those that were on their way: they are in doubt. Where only the process
// died, the system still holds all that was written, and on their way were those that had begun. Where the
// machine died as well (its boot id is another one), lines that were not waited for may be gone, and on their
// way may have been all that were admitted.
//
// A last line without an end was torn: it is taken off. Anything else that cannot be read is not our journal,
// or a damaged one, and nothing is guessed from it.
#pragma once

#include "fingerprint.hpp"
#include "postrider/client.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace postrider::cli {

class journal {
  public:
    /// Opens or creates it, takes the lock and reads it. `binding` says what the messages depend on: with
    /// another one than it was begun with it is refused. Throws command_error (usage, data, temporary,
    /// output).
    journal(const std::string& path, const nlohmann::ordered_json& binding);
    ~journal();
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;

    /// Random, the same as long as there is the journal.
    const std::string& salt() const noexcept { return salt_; }
    /// Every recipient of the message got it.
    bool delivered(const message_key& key) const { return delivered_.contains(key); }
    /// What earlier runs know of its recipients; empty: nothing. Whose outcome is not in it, but whose
    /// message was on its way, is in doubt.
    struct memory {
        bool known = false;
        bool on_its_way = false;
        std::map<std::string, recipient_outcome, std::less<>> recipients;
    };
    memory remember(const message_key& key) const;

    /// These may be sent from now on. On the disk when it returns.
    void admit(std::span<const message_key> keys);
    /// The transaction of the message begins, for these recipients of it.
    void begin(const message_key& key, const std::vector<addressee>& to);
    /// What became of it, for all its recipients.
    void settle(const message_key& key, const std::string& name,
                const std::vector<recipient_outcome>& recipients);
    /// It was admitted, and provably nobody has it.
    void not_tried(const message_key& key);
    /// The run is over: counts, and why. On the disk when it returns.
    void finish(const nlohmann::ordered_json& summary);

  private:
    struct open_entry {
        std::uint64_t settled = 0; // where its last line of that kind begins; 0: there is none
        std::uint64_t begun = 0;
        bool admitted = false; // in a run that did not settle it
        bool other_boot = false;
    };

    void open(const std::string& path);
    void load(const nlohmann::ordered_json& binding);
    void read_line(const std::string& line, std::uint64_t offset, const nlohmann::ordered_json& binding);
    message_key key_in(const nlohmann::ordered_json& text) const;
    void read_record(const nlohmann::ordered_json& record, std::uint64_t offset);
    void read_admitted(const nlohmann::ordered_json& list);
    void read_done(const message_key& key, const nlohmann::ordered_json& recipients, std::uint64_t offset);
    void start(const nlohmann::ordered_json& binding);
    void bind(const nlohmann::ordered_json& record, const nlohmann::ordered_json& binding) const;
    nlohmann::ordered_json line_at(std::uint64_t offset) const;
    void append(const nlohmann::ordered_json& record);
    void sync();
    [[noreturn]] void damaged(const std::string& why) const;

    std::string path_;
    int fd_ = -1;
    std::uint64_t lines_ = 0;
    std::uint64_t size_ = 0; // what is whole of it
    bool broken_ = false;
    std::string salt_;
    std::string boot_;         // of this run
    std::string written_boot_; // of the run that is being read
    boost::unordered_flat_set<message_key, message_key_hash> delivered_;
    std::unordered_map<message_key, open_entry, message_key_hash> open_;
};

} // namespace postrider::cli
