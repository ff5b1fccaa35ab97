// shared_list.hpp - a list of shared objects that takes no memory: while one is in a list, it holds itself.
//
// Among many sessions a node of its own would have to be fetched from far out, only to find the object.
#pragma once

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace postrider::line {

/// What may be in one such list at a time, seen as a `Base`.
template <class Base>
class shared_list_member : public boost::intrusive::list_base_hook<boost::intrusive::tag<Base>> {
    template <class>
    friend class shared_list;

    std::shared_ptr<Base> held_; // null outside a list
};

/// `T` is derived from T::listed_as, and that from shared_list_member<T::listed_as>.
template <class T>
class shared_list {
    using base = typename T::listed_as;
    using hook = boost::intrusive::list_base_hook<boost::intrusive::tag<base>>;

  public:
    shared_list() = default;
    shared_list(const shared_list&) = delete;
    shared_list& operator=(const shared_list&) = delete;
    ~shared_list() {
        while (!empty()) {
            take_front();
        }
    }

    bool empty() const { return members_.empty(); }
    std::size_t size() const { return members_.size(); }
    T& front() { return members_.front(); }
    const T& front() const { return members_.front(); }
    std::shared_ptr<T> share_back() { return std::static_pointer_cast<T>(members_.back().held_); }
    auto begin() { return members_.begin(); }
    auto end() { return members_.end(); }

    void push_back(std::shared_ptr<T> one) {
        T& member = *one;
        member.held_ = std::move(one);
        members_.push_back(member);
    }
    std::shared_ptr<T> take_front() {
        T& member = members_.front();
        members_.pop_front();
        return release(member);
    }
    /// `one` is in this list.
    std::shared_ptr<T> take(T& one) {
        members_.erase(members_.iterator_to(one));
        return release(one);
    }
    /// In front of all, those of `others` in their order.
    void put_in_front(shared_list& others) { members_.splice(members_.begin(), others.members_); }
    /// Whether `one` is in this list, by looking at each.
    bool holds(const T& one) const {
        for (const T& member : members_) {
            if (&member == &one) {
                return true;
            }
        }
        return false;
    }

  private:
    static std::shared_ptr<T> release(T& member) {
        return std::static_pointer_cast<T>(std::move(member.held_));
    }

    boost::intrusive::list<T, boost::intrusive::base_hook<hook>> members_;
};

} // namespace postrider::line
