(* Limits of quotients that vanish more than once, by the order to which they vanish; and a power
   whose exponent grows without bound. *)
From Coq Require Import Reals Lra Psatz Field.
From Coquelicot Require Import Coquelicot.
From Refimpl Require Import Meanings Lines Calculus.
Open Scope R_scope.

(* ---------------------------------------------------------------- Orders *)

(* f is l x^n near 0, up to what is small beside x^n. *)
Definition leads (f : R -> R) (n : nat) (l : R) : Prop :=
  forall eps : posreal, locally 0 (fun x => Rabs (f x - l * x ^ n) <= eps * Rabs x ^ n).

Lemma between (x y d : R) : Rabs x < d -> Rmin 0 x <= y <= Rmax 0 x -> Rabs y < d /\ Rabs y <= Rabs x.
Proof.
  unfold Rmin, Rmax. intros near. destruct (Rle_dec 0 x); intros [low high].
  - rewrite !Rabs_right in * by lra. lra.
  - rewrite !Rabs_left1 in * by lra. lra.
Qed.

Lemma leads_at_first (f : R -> R) (l : R) : continuous f 0 -> f 0 = l -> leads f 0 l.
Proof.
  intros C <- eps. assert (B := C _ (locally_ball (f 0) eps)).
  apply (filter_imp (fun x => ball (f 0) eps (f x))); [| exact B].
  intros x near. change (Rabs (f x - f 0) < eps) in near. simpl. rewrite !Rmult_1_r. lra.
Qed.

Lemma leads_once_more (f g : R -> R) (n : nat) (l k : R) :
  INR (S n) = k -> f 0 = 0 -> locally 0 (fun x => is_derive f x (g x)) -> leads g n l ->
  leads f (S n) (l / k).
Proof.
  intros <- Z [d D] L eps. destruct (L eps) as [e E].
  assert (P : 0 < Rmin d e) by (apply Rmin_pos; apply cond_pos).
  exists (mkposreal _ P). intros x near. change (Rabs (x - 0) < Rmin d e) in near.
  rewrite Rminus_0_r in near.
  assert (N : INR (S n) <> 0) by (apply not_0_INR; discriminate).
  assert (T : forall y, Rmin 0 x <= y <= Rmax 0 x ->
    is_derive (fun s => f s - l / INR (S n) * s ^ S n) y (g y - l * y ^ n)).
  { intros y B. destruct (between x y (Rmin d e) near B) as [B1 _].
    assert (Dy : is_derive f y (g y)).
    { apply D. change (Rabs (y - 0) < d). rewrite Rminus_0_r.
      apply (Rlt_le_trans _ _ _ B1), Rmin_l. }
    auto_derive; [exists (g y); exact Dy |].
    change (Derive (fun s => f s) y) with (Derive f y). rewrite (is_derive_unique _ _ _ Dy).
    change (match n with O => 1 | S _ => INR n + 1 end) with (INR (S n)).
    field. exact N. }
  destruct (MVT_gen (fun s => f s - l / INR (S n) * s ^ S n) 0 x (fun y => g y - l * y ^ n))
    as [c [C M]].
  - intros y B. apply T. lra.
  - intros y B. apply derivable_continuous_pt. exists (g y - l * y ^ n).
    apply is_derive_Reals, T, B.
  - destruct (between x c (Rmin d e) near C) as [B1 B2].
    assert (F : Rabs (g c - l * c ^ n) <= eps * Rabs c ^ n).
    { apply E. change (Rabs (c - 0) < e). rewrite Rminus_0_r.
      apply (Rlt_le_trans _ _ _ B1), Rmin_r. }
    rewrite Z in M. replace (0 - l / INR (S n) * 0 ^ S n) with 0 in M by (simpl; ring).
    rewrite !Rminus_0_r in M. rewrite M, Rabs_mult. change (Rabs x ^ S n) with (Rabs x * Rabs x ^ n).
    assert (G : Rabs c ^ n <= Rabs x ^ n) by (apply pow_incr; split; [apply Rabs_pos | exact B2]).
    assert (X := Rabs_pos x). assert (Q := cond_pos eps).
    replace (eps * (Rabs x * Rabs x ^ n)) with (eps * Rabs x ^ n * Rabs x) by ring.
    apply Rmult_le_compat_r; [exact X |]. apply (Rle_trans _ _ _ F).
    apply Rmult_le_compat_l; lra.
Qed.

(* So f / x^n tends to l. *)
Lemma leads_to (f : R -> R) (n : nat) (l : R) : leads f n l -> is_lim (fun x => f x / x ^ n) 0 l.
Proof.
  intro L. apply is_lim_spec. intro eps. simpl.
  assert (P : 0 < eps / 2) by (assert (Q := cond_pos eps); lra).
  destruct (L (mkposreal _ P)) as [d D]. exists d. intros x near other.
  assert (H := D x near). simpl in H.
  assert (N : 0 < Rabs x ^ n) by (apply pow_lt, Rabs_pos_lt, other).
  replace (f x / x ^ n - l) with ((f x - l * x ^ n) / x ^ n) by (field; apply pow_nonzero, other).
  rewrite Rabs_div by (apply pow_nonzero, other). rewrite <- RPow_abs.
  apply (Rmult_lt_reg_r (Rabs x ^ n)); [exact N |].
  replace (Rabs (f x - l * x ^ n) / Rabs x ^ n * Rabs x ^ n) with (Rabs (f x - l * x ^ n))
    by (field; lra).
  assert (Q := cond_pos eps). nra.
Qed.

(* x^n and what does not vanish at 0 is divided by. *)
Lemma limit_by_order (f g r : R -> R) (n : nat) (l m : R) :
  leads f n l -> (forall x, g x = x ^ n * r x) -> continuous r 0 -> r 0 = m -> m <> 0 ->
  is_lim (fun x => f x / g x) 0 (l / m).
Proof.
  intros F G C <- M. apply (is_lim_ext (fun x => f x / x ^ n / r x)).
  - intro x. rewrite G. unfold Rdiv. rewrite Rinv_mult. ring.
  - apply (is_lim_div _ r 0 l (r 0)).
    + apply leads_to, F.
    + apply is_lim_continuity. apply continuity_pt_filterlim. exact C.
    + intro E. apply M. injection E. auto.
    + exact I.
Qed.

(* ---------------------------------------------------------------- (1 + c q)^(1/q) *)

Lemma has_slope (f : R -> R) (l : R) : is_lim (fun q => (f q - f 0) / q) 0 l -> is_derive f 0 l.
Proof.
  intro H. apply is_lim_spec in H. apply is_derive_Reals. intros eps P.
  destruct (H (mkposreal eps P)) as [d D]. exists d. intros h other near.
  rewrite Rplus_0_l. apply D; [| exact other].
  change (Rabs (h - 0) < d). rewrite Rminus_0_r. exact near.
Qed.

(* For q <> 0 it is (1 + c q)^(1/q); at 0 it is exp c, because 0 / 0 is 0. *)
Definition compound (c q : R) : R := exp (c + (ln (1 + c * q) - c * q) / q).

Lemma compound_is (c q : R) : q <> 0 -> Rpower (1 + c * q) (/ q) = compound c q.
Proof. intro Q. unfold compound, Rpower. f_equal. field. exact Q. Qed.

Lemma compound_at_zero (c : R) : compound c 0 = exp c.
Proof.
  unfold compound. f_equal. rewrite Rmult_0_r, Rplus_0_r, ln_1, Rminus_0_r. unfold Rdiv. ring.
Qed.

(* log (1 + c q) - c q is - c^2/2 q^2, up to what is small beside q^2. *)
Lemma logarithm_leads (c : R) : leads (fun q => ln (1 + c * q) - c * q) 2 (- c ^ 2 / 2).
Proof.
  assert (near : locally 0 (fun q => 0 < 1 + c * q)).
  { apply near; [auto_derive; exact I | lra]. }
  replace (- c ^ 2 / 2) with (- c ^ 2 / 1 / 2) by field.
  apply (leads_once_more _ (fun q => c / (1 + c * q) - c)).
  - simpl. ring.
  - rewrite Rmult_0_r, Rplus_0_r, ln_1. ring.
  - apply (filter_imp (fun q => 0 < 1 + c * q)); [| exact near].
    intros q P. auto_derive; [exact P | field; lra].
  - apply (leads_once_more _ (fun q => - c ^ 2 / (1 + c * q) ^ 2)).
    + reflexivity.
    + rewrite Rmult_0_r, Rplus_0_r. field.
    + apply (filter_imp (fun q => 0 < 1 + c * q)); [| exact near].
      intros q P. auto_derive; [lra | field; lra].
    + apply leads_at_first; [| field; lra].
      apply (ex_derive_continuous (fun q => - c ^ 2 / (1 + c * q) ^ 2)). auto_derive. lra.
Qed.

Lemma compound_moves (c : R) : is_derive (compound c) 0 (- c ^ 2 / 2 * exp c).
Proof.
  assert (K : is_derive (fun q => (ln (1 + c * q) - c * q) / q) 0 (- c ^ 2 / 2)).
  { apply has_slope.
    apply (is_lim_ext_loc (fun q => (ln (1 + c * q) - c * q) / q ^ 2));
      [| apply leads_to, logarithm_leads].
    exists posreal_one. intros q _ other.
    replace ((ln (1 + c * 0) - c * 0) / 0) with 0
      by (rewrite Rmult_0_r, Rplus_0_r, ln_1, Rminus_0_r; unfold Rdiv; ring).
    field. exact other. }
  replace (- c ^ 2 / 2 * exp c) with (scal (- c ^ 2 / 2) (exp c)) by reflexivity.
  apply (is_derive_comp exp (fun q => c + (ln (1 + c * q) - c * q) / q)).
  - replace (c + (ln (1 + c * 0) - c * 0) / 0) with c
      by (rewrite Rmult_0_r, Rplus_0_r, ln_1, Rminus_0_r; unfold Rdiv; ring).
    apply is_derive_exp.
  - replace (- c ^ 2 / 2) with (0 + - c ^ 2 / 2) by ring.
    apply (is_derive_plus (fun _ => c)); [auto_derive; [exact I | ring] | exact K].
Qed.
