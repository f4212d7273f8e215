(* The tactics that close the exported lines. They search; what they find is checked by Coq itself,
   so that nothing here has to be trusted. *)
From Coq Require Import Reals Lra Psatz Field.
From Coquelicot Require Import Coquelicot.
From Refimpl Require Import Meanings.
Open Scope R_scope.

(* Laws that the library states otherwise. *)

Lemma exp_times (n : nat) (x : R) : exp (INR n * x) = exp x ^ n.
Proof.
  induction n as [| n IH]; [simpl; rewrite Rmult_0_l; apply exp_0 |].
  rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l, exp_plus, IH. simpl. ring.
Qed.

Lemma ln_sqrt (x : R) : 0 < x -> ln (sqrt x) = ln x / 2.
Proof.
  intro H. assert (E : ln (sqrt x * sqrt x) = ln x) by (rewrite sqrt_sqrt; lra).
  rewrite ln_mult in E by (apply sqrt_lt_R0; exact H). lra.
Qed.

Lemma sqrt_is (x y : R) : 0 <= y -> y * y = x -> sqrt x = y.
Proof. intros Hy E. rewrite <- E. apply sqrt_square, Hy. Qed.

Lemma part (a p b : R) : 0 < p -> 0 <= a -> a = p * b -> 0 <= b.
Proof. intros Hp Ha E. destruct (Rle_lt_dec 0 b); [assumption | nra]. Qed.

Lemma exp_half (x : R) : 0 < x -> exp (1 / 2 * ln x) = sqrt x.
Proof.
  intro H. symmetry. apply sqrt_is; [apply Rlt_le, exp_pos |].
  rewrite <- exp_plus. replace (1 / 2 * ln x + 1 / 2 * ln x) with (ln x) by lra.
  apply exp_ln, H.
Qed.

Lemma limit_here (f : R -> R) (a b : R) : f a = b -> continuity_pt f a -> is_lim f a b.
Proof. intros <- H. apply is_lim_continuity, H. Qed.

(* 0^e is 0. *)
Lemma power_of_zero (b e : R) : b = 0 -> power b e = 0.
Proof. intro H. unfold power. destruct (Req_EM_T b 0); [reflexivity | contradiction]. Qed.

Lemma positive_form (a b : R) : a = b -> 0 < b -> 0 < a.
Proof. intros -> H. exact H. Qed.

Lemma square_nonneg (x : R) : 0 <= x ^ 2.
Proof. apply pow2_ge_0. Qed.

Lemma even_pow_nonneg (x : R) (n : nat) : 0 <= x ^ (2 * n).
Proof. rewrite pow_mult. apply pow_le, pow2_ge_0. Qed.

Lemma even_pow_pos (x : R) : x <> 0 -> 0 < x ^ 2.
Proof. intro H. simpl. rewrite Rmult_1_r. apply Rsqr_pos_lt, H. Qed.

Lemma cos_square (x : R) : cos x * cos x = 1 - sin x * sin x.
Proof. generalize (sin2_cos2 x). unfold Rsqr. lra. Qed.

Lemma follows (a b c d k : R) : a = b -> c - d = k * (a - b) -> c = d.
Proof. intros E F. rewrite E in F. replace (b - b) with 0 in F by ring. lra. Qed.

Lemma below (a b k : R) : b - a = k -> 0 <= k -> a <= b.
Proof. intros. lra. Qed.

Lemma part_pos (a k b : R) : 0 < k -> 0 < a -> a = k * b -> 0 < b.
Proof. intros Hk Ha E. destruct (Rlt_le_dec 0 b); [assumption | nra]. Qed.

Lemma inverse_pos (b : R) : 0 < / b -> 0 < b.
Proof. intro H. rewrite <- (Rinv_inv b). apply Rinv_0_lt_compat, H. Qed.

Lemma neg_neg (x y : R) : x < 0 -> y < 0 -> 0 < x * y.
Proof. nra. Qed.
Lemma neg_pos (x y : R) : x < 0 -> 0 < y -> x * y < 0.
Proof. nra. Qed.
Lemma pos_neg (x y : R) : 0 < x -> y < 0 -> x * y < 0.
Proof. nra. Qed.
Lemma sum_neg (x y : R) : x < 0 -> y < 0 -> x + y < 0.
Proof. lra. Qed.
Lemma opp_pos (x : R) : x < 0 -> 0 < - x.
Proof. lra. Qed.
Lemma opp_neg (x : R) : 0 < x -> - x < 0.
Proof. lra. Qed.

(* Signs: products, sums, quotients, powers, roots and exponentials of what has a sign. *)

Ltac hypothesis :=
  match goal with
  | H : ?a <> 0 |- ?b <> 0 => let E := fresh in intro E; apply H; clear - E; lra
  | H : ?a <> 0 |- ?b <> 0 => let E := fresh in intro E; apply H; clear - E; ring_simplify in E; ring_simplify; lra
  | H : ?a <> 0 |- ?b <> 0 => let E := fresh in intro E; apply H; rewrite <- E; field; fail
  end.

Ltac pos :=
  lazymatch goal with
  | |- True => exact I
  | |- _ /\ _ => split; pos
  | |- 0 < _ =>
      first [ assumption | exact PI_RGT_0 | apply exp_pos | lra
            | lazymatch goal with
              | |- 0 < _ * _ => first [ apply Rmult_lt_0_compat; pos | apply neg_neg; neg ]
              | |- 0 < _ / _ => unfold Rdiv; pos
              | |- 0 < / _ => apply Rinv_0_lt_compat; pos
              | |- 0 < _ + _ =>
                  first [ apply Rplus_lt_0_compat; pos | apply Rplus_lt_le_0_compat; pos
                        | apply Rplus_le_lt_0_compat; pos ]
              | |- 0 < _ - _ => apply Rlt_Rminus; nra
              | |- 0 < sqrt _ => apply sqrt_lt_R0; pos
              | |- 0 < Rpower _ _ => unfold Rpower; apply exp_pos
              | |- 0 < _ ^ 2 => first [ apply pow_lt; pos | apply even_pow_pos; nonzero ]
              | |- 0 < _ ^ _ => apply pow_lt; pos
              | |- 0 < - _ => apply opp_pos; neg
              end
            | nra ]
  | |- 0 <= _ =>
      first [ assumption | apply square_nonneg | apply Rle_0_sqr | apply sqrt_pos | apply Rabs_pos
            | lazymatch goal with
              | |- 0 <= _ * _ => apply Rmult_le_pos; pos
              | |- 0 <= _ / _ => unfold Rdiv; pos
              | |- 0 <= _ + _ => apply Rplus_le_le_0_compat; pos
              | |- 0 <= _ ^ ?n =>
                  first [ apply pow_le; pos
                        | let m := eval compute in (Nat.div n 2) in apply (even_pow_nonneg _ m) ]
              end
            | apply Rlt_le; pos | lra | nra ]
  | |- _ <> 0 => nonzero
  | |- _ > 0 => apply Rlt_gt; pos
  | |- _ >= 0 => apply Rle_ge; pos
  | |- _ < 0 => neg
  end
with neg :=
  first [ assumption | lra
        | lazymatch goal with
          | |- - _ < 0 => apply opp_neg; pos
          | |- _ / _ < 0 => unfold Rdiv; neg
          | |- / _ < 0 => apply Rinv_lt_0_compat; neg
          | |- _ * _ < 0 => first [ apply neg_pos; [neg | pos] | apply pos_neg; [pos | neg] ]
          | |- _ + _ < 0 => apply sum_neg; neg
          end
        | nra ]
with nonzero :=
  first [ assumption
        | apply Rgt_not_eq; apply PI_RGT_0
        | lazymatch goal with
          | |- _ * _ <> 0 => apply Rmult_integral_contrapositive_currified; nonzero
          | |- _ / _ <> 0 => unfold Rdiv; nonzero
          | |- / _ <> 0 => apply Rinv_neq_0_compat; nonzero
          | |- _ ^ _ <> 0 => apply pow_nonzero; nonzero
          | |- - _ <> 0 => apply Ropp_neq_0_compat; nonzero
          | |- exp _ <> 0 => apply Rgt_not_eq; apply exp_pos
          end
        | hypothesis
        | apply Rgt_not_eq; apply Rlt_gt; pos
        | apply Rlt_not_eq; neg
        | match goal with |- ?e <> 0 => progress ring_simplify e end; nonzero ].

(* Identities: rational ones by `field`, its side conditions by signs; cases before that. *)

(* What is known not to vanish, factor by factor. *)
Lemma left_factor (a b : R) : a * b <> 0 -> a <> 0.
Proof. intros H E. apply H. rewrite E. ring. Qed.
Lemma right_factor (a b : R) : a * b <> 0 -> b <> 0.
Proof. intros H E. apply H. rewrite E. ring. Qed.
Lemma of_inverse (a : R) : / a <> 0 -> a <> 0.
Proof. intros H E. apply H. rewrite E. apply Rinv_0. Qed.
Lemma of_power (a : R) (n : nat) : a ^ S n <> 0 -> a <> 0.
Proof. intros H E. apply H. rewrite E. simpl. ring. Qed.
Lemma of_absolute (a : R) : Rabs a <> 0 -> a <> 0.
Proof. intros H E. apply H. rewrite E. apply Rabs_R0. Qed.
Ltac factors :=
  unfold Rdiv in *;
  repeat match goal with
  | H : 0 < _ ^ S _ |- _ => apply Rgt_not_eq in H
  | H : Rabs _ <> 0 |- _ => apply of_absolute in H
  end;
  repeat match goal with
  | H : 0 < ?a * ?b |- _ =>
      lazymatch goal with
      | _ : a * b <> 0 |- _ => fail
      | _ => pose proof (Rgt_not_eq _ _ H)
      end
  end;
  repeat match goal with
  | H : _ * _ <> 0 |- _ => pose proof (left_factor _ _ H); apply right_factor in H
  | H : / _ <> 0 |- _ => apply of_inverse in H
  | H : _ ^ S _ <> 0 |- _ => apply of_power in H
  end.

(* Not zero, because it is, up to what is divided by, what a hypothesis says is not. *)
Ltac cleared_hypothesis :=
  let divided := solve [ repeat split; first [ assumption | pos | nonzero ] ] in
  match goal with
  | H : ?a <> 0 |- ?b <> 0 =>
      let E := fresh in
      intro E; apply H; clear H;
      first
        [ field_simplify_eq; [ lra | divided .. ]
        | field_simplify_eq in E; [ lra | divided .. ]
        | field_simplify_eq; [ field_simplify_eq in E; [ lra | divided .. ] | divided .. ]
        | timeout 10 nra ]
  end.

Ltac sides :=
  repeat split;
  first
    [ assumption | pos | nonzero
    | factors; first [ assumption | pos | nonzero | cleared_hypothesis ] | cleared_hypothesis ].
Ltac algebra := first [ reflexivity | ring | field; sides | lra ].

(* Identities modulo the squares of the roots that stand in them. *)
Ltac squares_of_roots :=
  repeat match goal with
  | |- context [sqrt ?a] =>
      lazymatch goal with
      | _ : sqrt a * sqrt a = a |- _ => fail
      | _ => assert (sqrt a * sqrt a = a) by (apply sqrt_sqrt; pos)
      end
  end.
Ltac modulo_squares :=
  squares_of_roots;
  lazymatch goal with
  | P : sqrt ?a * sqrt ?a = ?a, Q : sqrt ?b * sqrt ?b = ?b, S : sqrt ?c * sqrt ?c = ?c,
    T : sqrt ?d * sqrt ?d = ?d |- _ => first [ ring [P Q S T] | field [P Q S T]; sides ]
  | P : sqrt ?a * sqrt ?a = ?a, Q : sqrt ?b * sqrt ?b = ?b, S : sqrt ?c * sqrt ?c = ?c |- _ =>
      first [ ring [P Q S] | field [P Q S]; sides ]
  | P : sqrt ?a * sqrt ?a = ?a, Q : sqrt ?b * sqrt ?b = ?b |- _ =>
      first [ ring [P Q] | field [P Q]; sides ]
  | P : sqrt ?a * sqrt ?a = ?a |- _ => first [ ring [P] | field [P]; sides ]
  end.
(* Denominators cleared, then a for sqrt a ^ 2, which may hold denominators of its own. *)
Lemma two_roots (a : R) (n : nat) : 0 <= a -> sqrt a ^ S (S n) = a * sqrt a ^ n.
Proof. intro H. simpl. rewrite <- Rmult_assoc, sqrt_sqrt by exact H. reflexivity. Qed.
Ltac powers_of_roots :=
  repeat match goal with
  | |- context [sqrt ?a ^ S (S ?n)] => rewrite (two_roots a n) by pos
  end.
(* What is under a squared root comes out of it, also where the root is a factor of what is squared. *)
Ltac squared :=
  powers_of_roots;
  repeat match goal with
  | |- context [(?a * sqrt ?b) ^ S (S ?n)] =>
      rewrite (Rpow_mult_distr a (sqrt b) (S (S n))); powers_of_roots
  | |- context [(?a / sqrt ?b) ^ S (S ?n)] =>
      unfold Rdiv at 1; rewrite (Rpow_mult_distr a (/ sqrt b)), pow_inv; powers_of_roots
  end;
  rewrite ?pow_O, ?Rmult_1_r.
Ltac cleared := progress field_simplify_eq; [ powers_of_roots; algebra | sides .. ].
Ltac rooted :=
  lazymatch goal with
  | |- context [sqrt _] => first [ modulo_squares | cleared ]
  end.

(* exp a and exp b are one where a = b, however the two are written; likewise ln, sqrt, sin, cos. *)
Ltac agree_on f :=
  repeat match goal with
  | |- context [f ?a] =>
      match goal with
      | |- context [f ?b] =>
          tryif constr_eq a b then fail
          else
            let E := fresh in
            assert (E : f a = f b) by (f_equal; first [ algebra | rooted ]);
            rewrite E in *; clear E
      end
  end.
Ltac agree :=
  agree_on exp; agree_on sqrt; agree_on sqrt; agree_on ln; agree_on exp; agree_on sin; agree_on cos.

(* As it stands, without laws: equal arguments made one, roots by their squares. *)
Ltac plainly :=
  first [ algebra | rooted | unfold Rpower; agree; first [ algebra | rooted ] ].

(* exp of a sum, given the sum that it is; likewise ln and sqrt of products. *)

Ltac ln_split :=
  unfold Rdiv;
  repeat first
    [ rewrite ln_mult by pos | rewrite ln_Rinv by pos | rewrite ln_pow by pos
    | rewrite ln_sqrt by pos | rewrite ln_exp | rewrite ln_1 ].
(* Positive by its form, or because it is, written otherwise, what a hypothesis says is. *)
Ltac positive :=
  first
    [ pos
    | match goal with H : 0 < ?a |- 0 < ?b => apply (positive_form b a); [ algebra | exact H ] end ].
Ltac logarithms_of_one :=
  repeat match goal with
  | |- context [ln ?a] => replace (ln a) with 0 by (rewrite <- ln_1; f_equal; algebra)
  end.
Ltac exp_law_as_it_stands sum :=
  lazymatch goal with
  | |- exp ?a = _ =>
      transitivity (exp sum);
      [ f_equal; simpl; first [ plainly | logarithms_of_one; plainly | ln_split; plainly ] |];
      rewrite ?exp_plus, ?exp_Ropp, ?exp_times, ?exp_0;
      repeat rewrite exp_half by positive; repeat rewrite exp_ln by positive;
      plainly
  end.
Ltac exp_law sum :=
  first [ rewrite ?ln_1; ln_split; exp_law_as_it_stands sum | exp_law_as_it_stands sum ].
Ltac ln_law product :=
  lazymatch goal with
  | |- ln ?a = _ => transitivity (ln product); [ f_equal; rewrite ?exp_Ropp; plainly |]; ln_split; simpl; first [ reflexivity | lra | plainly ]
  end.

(* Powers of roots, where what stands under them is a fraction. *)
Ltac squares := rewrite ?Rpow_mult_distr; repeat rewrite pow2_sqrt by pos.

(* Sines and cosines at multiples of a right angle, and shifted by one. *)
Ltac circle_law :=
  lazymatch goal with
  | |- sin ?a = _ =>
      first [ replace a with 0 by algebra; rewrite sin_0; algebra
            | replace a with (PI / 2) by algebra; rewrite sin_PI2; algebra
            | replace a with PI by algebra; rewrite sin_PI; algebra
            | rewrite <- cos_shift; f_equal; algebra | rewrite <- sin_shift; f_equal; algebra ]
  | |- cos ?a = _ =>
      first [ replace a with 0 by algebra; rewrite cos_0; algebra
            | replace a with (PI / 2) by algebra; rewrite cos_PI2; algebra
            | replace a with PI by algebra; rewrite cos_PI; algebra
            | rewrite <- sin_shift; f_equal; algebra | rewrite <- cos_shift; f_equal; algebra ]
  end.

(* Angles that are equal, complements or doubles of each other: one of them is left. *)
Ltac angles :=
  repeat match goal with
  | |- context [?f ?b] =>
      lazymatch f with cos => idtac | sin => idtac end;
      match goal with
      | H : context [?g ?a] |- _ =>
          lazymatch g with cos => idtac | sin => idtac end;
          lazymatch type of H with _ = _ => fail | _ => idtac end;
          tryif constr_eq a b then fail else (replace a with b in H by algebra)
      end
  end;
  repeat match goal with
  | |- context [?f ?a] =>
      lazymatch f with cos => idtac | sin => idtac end;
      match goal with
      | |- context [?g ?b] =>
          lazymatch g with cos => idtac | sin => idtac end;
          tryif constr_eq a b then fail else
          first
            [ replace a with b in * by algebra
            | replace a with (PI / 2 - b) in * by algebra; rewrite ?cos_shift, ?sin_shift in *
            | replace a with (2 * b) in * by algebra; rewrite ?sin_2a, ?cos_2a in * ]
      end
  end.
Ltac turned :=
  angles;
  match goal with
  | |- context [?f ?a] =>
      lazymatch f with cos => idtac | sin => idtac end;
      let C := fresh in
      pose proof (cos_square a) as C; first [ algebra | ring [C] | field [C]; sides ]
  end.

(* Logarithms of roots and of squares of what may be negative. *)
Ltac logarithms :=
  rewrite ?Rpow_mult_distr, ?pow_inv;
  repeat first [ rewrite ln_sqrt by pos | rewrite ln_mult by pos | rewrite ln_Rinv by pos ];
  first [ lra | algebra | plainly ].

(* The last things that are tried. *)
Lemma root_of_square (a b : R) : Rabs a <> 0 -> b = a -> sqrt (b ^ 2) <> 0.
Proof.
  intros H ->. apply Rgt_not_eq, sqrt_lt_R0, even_pow_pos, of_absolute, H.
Qed.
Ltac absolutely :=
  match goal with
  | H : Rabs ?a <> 0 |- _ => field; apply (root_of_square a); [ exact H | first [ reflexivity | ring ] ]
  end.
Ltac undone :=
  repeat match goal with
  | |- context [Rpower ?a ?b] =>
      replace (Rpower a b) with 1
        by (replace a with 1 by algebra; unfold Rpower; rewrite ln_1, Rmult_0_r; symmetry; apply exp_0)
  end;
  repeat rewrite exp_ln by positive; rewrite ?ln_exp; plainly.
Ltac products_undone :=
  unfold Rdiv in *; rewrite ?Rinv_1, ?Rmult_1_l, ?Rmult_1_r in *; undone.
(* The power mean of a and b is a times that of 1 and b / a. *)
Lemma power_mean (a b u k : R) : 0 < a -> 0 < b -> k <> 0 ->
  0 < (1 - u) * Rpower a (/ k) + u * Rpower b (/ k) ->
  a * exp (k * ln (1 - u + u * exp (ln (b / a) / k)))
  = Rpower ((1 - u) * Rpower a (/ k) + u * Rpower b (/ k)) k.
Proof.
  intros A B K. unfold Rpower. set (x := exp (/ k * ln a)). assert (X : 0 < x) by apply exp_pos.
  assert (E : exp (/ k * ln b) = x * exp (ln (b / a) / k)).
  { unfold x. rewrite <- exp_plus. f_equal. unfold Rdiv. rewrite ln_mult, ln_Rinv by pos. ring. }
  rewrite E. intro P.
  replace ((1 - u) * x + u * (x * exp (ln (b / a) / k)))
    with (x * (1 - u + u * exp (ln (b / a) / k))) in * by ring.
  rewrite ln_mult; [| exact X | apply (part_pos _ x _ X P); reflexivity].
  rewrite Rmult_plus_distr_l, exp_plus. unfold x. rewrite ln_exp.
  replace (k * (/ k * ln a)) with (ln a) by (field; exact K). rewrite exp_ln by exact A. reflexivity.
Qed.
Ltac further :=
  first [ absolutely | turned | logarithms | undone | apply power_mean; pos | products_undone ].

(* A derivative: Coquelicot computes one, and it is the one that was written. *)

Ltac known :=
  repeat match goal with
  | H : is_derive ?f ?x ?l |- context [Derive (fun y => ?f y) ?x] =>
      progress replace (Derive (fun y => f y) x) with l by (symmetry; apply is_derive_unique, H)
  | H : is_derive ?f ?x ?l |- context [Derive (fun y => ?f y) ?z] =>
      replace (Derive (fun y => f y) z) with l
        by (symmetry; apply is_derive_unique; replace z with x by algebra; exact H)
  end.
Ltac exists_here :=
  first
    [ assumption | exact I | eexists; eassumption | pos | nonzero
    | match goal with
      | H : is_derive ?f ?x ?l |- ex_derive _ ?z =>
          exists l; replace z with x by algebra; exact H
      end ].
(* The logarithm of a large square: its inside is differentiated, and only that. *)
Lemma derive_log_square (p : R) (D : R -> R) (x d n e : R) :
  is_derive D x d -> D x = e -> e <> 0 -> n = 2 * d ->
  is_derive (fun y => p - ln (D y ^ 2) / 2) x (- (n * e / e ^ 2 / 2)).
Proof.
  intros H <- N ->. auto_derive.
  - repeat split; [exists d; exact H | apply even_pow_pos, N].
  - match goal with
    | |- context [Derive ?f x] =>
        replace (Derive f x) with d by (symmetry; exact (is_derive_unique f x d H))
    end.
    simpl. field. exact N.
Qed.
Ltac log_square :=
  try match goal with
  | |- is_derive _ _ (- (?e * ?n / ?e ^ 2 / 2)) => rewrite (Rmult_comm e n)
  end;
  lazymatch goal with
  | |- is_derive (fun y => ?p - ln (@?D y ^ 2) / 2) ?x (- (?n * ?e / ?e ^ 2 / 2)) =>
      eapply (derive_log_square p D x _ n e);
      [ auto_derive; [ repeat split | reflexivity ] | reflexivity | factors; assumption | ring ]
  end.
Ltac derivative := first [ log_square | derivative_as_it_stands ]
with derivative_as_it_stands :=
  unfold Rpower; auto_derive;
  [ repeat split; first [ exists_here | sides | angles; sides ]
  | known; first [ timeout 30 algebra | agree; first [ algebra | rooted ] | turned ] ].
(* The same, where powers are to be rewritten by laws that were proved before. *)
Tactic Notation "derivative_by" tactic3(laws) :=
  unfold Rpower in *; auto_derive;
  [ repeat split; exists_here | known; agree; laws; first [ algebra | rooted | plainly ] ].

(* Every minimum and maximum of which the hypotheses tell which argument it is. *)
Ltac resolve :=
  repeat match goal with
  | |- context [Rmin ?a ?b] =>
      first [ rewrite (Rmin_left a b) by lra | rewrite (Rmin_right a b) by lra ]
  | |- context [Rmax ?a ?b] =>
      first [ rewrite (Rmax_left a b) by lra | rewrite (Rmax_right a b) by lra ]
  end;
  first [ reflexivity | ring | lra ].

(* min, max and |a|: one case for each side of the comparison. *)
Ltac cases :=
  unfold Rmin, Rmax, Rabs;
  repeat match goal with
  | |- context [Rle_dec ?a ?b] =>
      lazymatch a with context [Rle_dec _ _] => fail | _ => idtac end;
      lazymatch b with context [Rle_dec _ _] => fail | _ => idtac end;
      lazymatch a with context [Rcase_abs _] => fail | _ => idtac end;
      lazymatch b with context [Rcase_abs _] => fail | _ => idtac end;
      destruct (Rle_dec a b) as [? | ?%Rnot_le_lt]
  | |- context [Rcase_abs ?a] =>
      lazymatch a with context [Rle_dec _ _] => fail | _ => idtac end;
      lazymatch a with context [Rcase_abs _] => fail | _ => idtac end;
      destruct (Rcase_abs a)
  end.

Definition posreal_one : posreal := mkposreal 1 Rlt_0_1.
