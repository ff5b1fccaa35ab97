// merged_messages.cpp - `--merge list.csv --template mail.eml`: one message for each row.
#include "bulk_source.hpp"
#include "csv.hpp"
#include "error.hpp"
#include "mail_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>

namespace postrider::cli {
namespace {

command_error data_error(const std::string& what, std::string next = {}) {
    return {exit_code::data, what, std::move(next)};
}

void check_names(const std::vector<std::string>& columns, const std::string& list) {
    std::vector<std::string> sorted = columns;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) {
        throw data_error(fmt::format("{}: the column \"{}\" stands in the header row twice", list, *twice),
                         "the first row names the columns");
    }
    if (sorted.front().empty()) {
        throw data_error(list + ": a column has no name", "the first row names the columns");
    }
}

std::size_t recipient_column(const std::vector<std::string>& columns, const std::string& wanted,
                             const std::string& list) {
    if (!wanted.empty()) {
        return column_named(wanted, columns, list);
    }
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (equal_ignoring_case(columns[i], "to") || equal_ignoring_case(columns[i], "email")) {
            if (found) {
                throw data_error(fmt::format("{}: both \"{}\" and \"{}\" may be the recipients", list,
                                             columns[*found], columns[i]),
                                 "say which with --to-column");
            }
            found = i;
        }
    }
    if (!found) {
        const bool semicolons = columns.size() == 1 && columns.front().find(';') != std::string::npos;
        throw data_error(
            fmt::format("{}: no column \"to\" or \"email\" names the recipients", list),
            semicolons ? std::string("fields are separated by commas, not by semicolons")
                       : fmt::format("name one with --to-column; there are: {}", fmt::join(columns, ", ")));
    }
    return *found;
}

// Large messages wait in files without names, not in memory.
content put_aside(std::string text) {
    if (text.size() <= content::spool_over) {
        return content(std::move(text));
    }
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
        std::fflush(file.get()) != 0 || lseek(fileno(file.get()), 0, SEEK_SET) != 0) {
        throw command_error(exit_code::temporary,
                            "a message cannot be put aside: " + std::generic_category().message(errno));
    }
    auto out = content::from_fd(fileno(file.get()));
    if (!out) {
        throw data_error("a message cannot be read back");
    }
    return std::move(*out);
}

class merged_list : public bulk_source {
  public:
    explicit merged_list(const send_choice& chosen)
        : chosen_(chosen), octets_(open(chosen)), form_(open_content(chosen.merge_template, "--template")) {
        rewind();
        check_names(columns_, chosen_.merge);
        recipient_ = recipient_column(columns_, chosen_.to_column, chosen_.merge);
        form_text_.emplace(form_, chosen_.merge_template, columns_);
        fingerprint mark;
        mark.add_content(form_).add(std::uint64_t{columns_.size()}).add(columns_[recipient_]);
        for (const auto& name : columns_) {
            mark.add(name);
        }
        binding_ = mark.key().text();
        started_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    }

    bool next(bulk_item& into) override {
        if (!rows_->next(into.row)) {
            return false;
        }
        into.name = rows_->where();
        into.anchor = "merge";
        return true;
    }
    void rewind() override {
        rows_.emplace(octets_, chosen_.merge);
        std::vector<std::string> header;
        if (!rows_->next(header)) {
            throw data_error(chosen_.merge + " is empty", "the first row names the columns");
        }
        columns_ = std::move(header);
    }
    void check(const bulk_item& item) override {
        try {
            for (std::size_t i = 0; i < columns_.size(); ++i) {
                check_value(columns_[i], item.row[i]);
            }
            const auto mine = own_of(item, {});
            reverse_path_for(form_text_->fill_header(item.row, mine));
        } catch (const command_error& error) {
            throw data_error(fmt::format("{}: {}", item.name, error.what()), error.next());
        }
    }
    void identify(const bulk_item& item, fingerprint& into) override {
        into.add(binding_);
        for (const auto& value : item.row) {
            into.add(value);
        }
    }
    prepared_mail prepare(const bulk_item& item, const message_key& key) override {
        const auto mine = own_of(item, key);
        prepared_mail out;
        out.finished = true;
        out.mail.content = put_aside(form_text_->fill(item.row, mine));
        out.mail.from = reverse_path_for(form_text_->fill_header(item.row, mine));
        out.mail.recipients.emplace_back(mine.recipient);
        out.message_id = message_id_of(out.mail.content);
        set_delivery_options(chosen_, out.mail);
        return out;
    }
    std::string binding() const override { return binding_; }

  private:
    static content open(const send_choice& chosen) {
        refuse_composing_options(chosen, "--template");
        const auto& envelope = chosen.envelope;
        if (!envelope.to.empty() || !envelope.cc.empty() || !envelope.bcc.empty()) {
            throw usage_error("with --merge the recipients are those of the list",
                              "leave out --to, --cc and --bcc");
        }
        return open_content(chosen.merge, "--merge");
    }

    // A line break is welcome in a text; in a header field the template refuses it.
    static void check_value(const std::string& column, const std::string& value) {
        const auto bad = std::find_if(value.begin(), value.end(), [](char c) {
            const auto octet = static_cast<unsigned char>(c);
            return (octet < 0x20 && c != '\t' && c != '\n' && c != '\r') || octet == 0x7F;
        });
        if (bad != value.end()) {
            throw data_error(fmt::format("the column \"{}\" holds a control character at octet {}", column,
                                         bad - value.begin()),
                             "take it out");
        }
    }

    mail_template::own own_of(const bulk_item& item, const message_key& key) const {
        const std::string& value = item.row[recipient_];
        if (value.find_first_of("\r\n") != std::string::npos) {
            throw data_error(fmt::format("the column \"{}\" holds a line break", columns_[recipient_]),
                             "it is the recipient: one address a row");
        }
        if (value.find_first_not_of(" \t") == std::string::npos) {
            throw data_error(fmt::format("the column \"{}\" is empty", columns_[recipient_]),
                             "it is the recipient: one address a row");
        }
        return {one_mailbox(fmt::format("the column \"{}\":", columns_[recipient_]), value), key.text(),
                date_time{started_, {}}};
    }

    // The reverse-path; also that the header is one.
    std::string reverse_path_for(const std::string& header) const {
        std::string why;
        const auto found = envelope_of(content::lent(header), &why);
        if (!found) {
            throw data_error(why.empty() ? std::string(message(found.error())) : why);
        }
        const auto& envelope = chosen_.envelope;
        if (envelope.has_envelope_from) {
            const auto& text = envelope.envelope_from;
            return text.empty() || text == "<>" ? std::string() : one_mailbox("--envelope-from", text);
        }
        return envelope.from.empty() ? found->reverse_path() : one_mailbox("--from", envelope.from);
    }

    const send_choice& chosen_;
    content octets_;
    content form_;
    std::vector<std::string> columns_;
    std::optional<csv_reader> rows_;
    std::optional<mail_template> form_text_;
    std::size_t recipient_ = 0;
    std::string binding_;
    std::chrono::sys_seconds started_;
};

} // namespace

std::unique_ptr<bulk_source> merged_messages(const send_choice& chosen) {
    return std::make_unique<merged_list>(chosen);
}

} // namespace postrider::cli
